// [vrrp.script.NAME], and the questions that several nouns ask.
#include <algorithm>
#include <set>

#include "common/text.h"
#include "vrrp/config/command_line.h"
#include "vrrp/config/readers.h"

namespace hapair::vrrp {

using namespace std::chrono_literals;

std::vector<std::string> read_command(TableReader& table, std::string_view key) {
  const ConfigNode* command = table.raw(key);
  if (!command) return {};
  std::vector<std::string> out;
  if (command->kind == ConfigNode::Kind::String) {
    if (auto words = split_command(command->string))
      out = *std::move(words);
    else
      table.error(key, words.error().message);
  } else {
    out = table.strings(key);
    if (command->kind == ConfigNode::Kind::Array &&
        (command->array.empty() || (!out.empty() && out[0].empty())))
      table.error(key, "the command is empty");
  }
  const auto has_nul = [](const std::string& word) { return word.find('\0') != word.npos; };
  if (std::ranges::any_of(out, has_nul))
    table.error(key, "a word of a command cannot contain a NUL");
  return out;
}

Script read_script(const std::string& name, TableReader& table) {
  Script script;
  script.name = name;
  if (!table.has("command"))
    table.error_at(table.where(), "script has no command",
                   "command = \"/usr/bin/killall -0 hapair-proxy\"");
  script.command = read_command(table, "command");
  if (auto interval = table.duration("interval", 10ms, 24h)) script.interval = *interval;
  script.timeout = table.duration("timeout", 10ms, 24h).value_or(script.interval);
  if (auto rise = table.integer("rise", 1, 1000)) script.rise = static_cast<int>(*rise);
  if (auto fall = table.integer("fall", 1, 1000)) script.fall = static_cast<int>(*fall);
  if (auto weight = table.integer("weight", -253, 253)) script.weight = static_cast<int>(*weight);
  if (auto fails = table.boolean("init_fail")) script.init_fail = *fails;
  if (auto user = table.string("user")) {
    script.user = *user;
    if (user->empty()) table.error("user", "the user has no name", "leave it out, or name one");
  }
  table.finish();
  return script;
}

bool is_unicast(const IpAddress& address) {
  if (address.is_v6()) return !address.is_any() && address.data()[0] != 0xFF && address != *IpAddress::parse("::1");
  const std::uint32_t first = address.to_v4() >> 24;
  return first != 0 && first != 127 && first < 224;
}

bool is_interface_name(const std::string& name) {
  const auto forbidden = [](unsigned char c) { return c == '/' || c == ':' || c <= ' '; };
  return !name.empty() && name != "." && name != ".." && std::ranges::none_of(name, forbidden);
}

const SourceLocation& place_of(const ConfigNode& list, std::size_t item) {
  return list.kind == ConfigNode::Kind::Array && item < list.array.size() ? list.array[item].where
                                                                          : list.where;
}

bool read_name(TableReader& table, const SourceLocation& where, const std::string& name,
               const std::vector<std::string>& known, std::string_view what) {
  if (std::ranges::find(known, name) != known.end()) return true;
  const auto near = nearest_word(name, known);
  table.error_at(where, fmt::format("there is no [vrrp.{}.{}]", what, name),
                 near ? fmt::format("did you mean \"{}\"?", *near) : std::string());
  return false;
}

std::vector<std::string> read_names(TableReader& table, std::string_view key,
                                    const std::vector<std::string>& known, std::string_view what) {
  std::vector<std::string> names = table.strings(key);
  if (names.empty()) return names;
  const ConfigNode& list = *table.raw(key);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const SourceLocation& where = place_of(list, i);
    if (!seen.insert(names[i]).second) {
      table.error_at(where, fmt::format("{} {} is listed twice", what, names[i]));
    } else {
      read_name(table, where, names[i], known, what);
    }
  }
  return names;
}

std::vector<std::pair<IpAddress, SourceLocation>> read_addresses(TableReader& table,
                                                                 std::string_view key) {
  std::vector<std::pair<IpAddress, SourceLocation>> out;
  const auto texts = table.strings(key);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const SourceLocation& where = place_of(*table.raw(key), i);
    const auto address = IpAddress::parse(texts[i]);
    if (address)
      out.emplace_back(*address, where);
    else
      table.error_at(where, address.error().message);
  }
  return out;
}

SyncGroup read_sync_group(const std::string& name, TableReader& table,
                          const std::vector<Instance>& instances,
                          const Surroundings& surroundings,
                          std::map<std::string, std::string>& group_of) {
  SyncGroup group{.name = name, .instances = {}, .notify = {}};
  check_name(name, table);
  std::vector<std::string> known;
  for (const Instance& instance : instances) known.push_back(instance.name);
  if (!table.has("instances"))
    table.error_at(table.where(), "a synchronization group without instances",
                   "instances = [\"VI_1\", \"VI_2\"]");
  group.instances = read_names(table, "instances", known, "instance");
  for (std::size_t i = 0; i < group.instances.size(); ++i) {
    const auto [other, fresh] = group_of.try_emplace(group.instances[i], name);
    if (!fresh && other->second != name)
      table.error_at(place_of(*table.raw("instances"), i),
                     fmt::format("{} is in the group {} already", group.instances[i], other->second),
                     "an instance is in one group at most");
  }
  group.notify = read_notify(table, true, surroundings);
  table.finish();
  return group;
}

}  // namespace hapair::vrrp
