#include "vrrp/config/loader.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "common/log_config.h"
#include "common/text.h"
#include "vrrp/config/command_line.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

// RFC 9568 section 5.2.7: hundredths of a second in 12 bits.
constexpr Duration kCentisecond = 10ms;
constexpr Duration kLongestInterval3 = 4095 * kCentisecond;

constexpr std::string_view kNotBuilt = "not built yet";

// Known to the design, not to this build: naming them beats "unknown key" and its wrong guesses.
constexpr std::array kInstanceNotBuilt = {
    "track_proxy"sv,   "track_interfaces"sv,   "track_files"sv,    "track_processes"sv,
    "track"sv,         "alert_mail"sv,         "notify"sv,         "notify_master"sv,
    "notify_backup"sv, "notify_fault"sv,       "notify_stop"sv,    "notify_fifo"sv,
    "preempt_delay"sv, "startup_delay"sv,      "hold_down"sv,      "sync_group"sv,
    "unicast_peers"sv, "unicast_source"sv,     "peers"sv,          "virtual_mac"sv,
    "accept"sv,        "excluded_addresses"sv, "virtual_routes"sv,
    "lease"sv,
};
constexpr std::array kVrrpNotBuilt = {
    "sync_group"sv, "notify"sv, "notify_fifo"sv, "control"sv, "guardian"sv, "realtime"sv,
};

/// Whether one host can have it: not this network, loopback, multicast, reserved or broadcast.
bool is_unicast(const IpAddress& address) {
  const std::uint32_t first = address.to_v4() >> 24;
  return first != 0 && first != 127 && first < 224;
}

class Loader {
 public:
  Loader(const ConfigDocument& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  Config load() {
    config_.node = document_.node;
    TableReader root(document_.root, "", diagnostics_);
    for (std::string_view section : {"defaults", "frontend", "backend", "listen"})
      root.raw(section);
    if (auto global = root.table("global")) config_.log = read_log_targets(*global);
    root.refuse("pair", kNotBuilt);
    root.refuse("alert", kNotBuilt);
    load_source();
    if (auto vrrp = root.table("vrrp")) {
      for (std::string_view key : kVrrpNotBuilt) vrrp->refuse(key, kNotBuilt);
      for (auto& [name, table] : vrrp->named_tables("script")) load_script(name, table);
      for (auto& [name, table] : vrrp->named_tables("instance")) load_instance(name, table);
      vrrp->finish();
    }
    root.finish();
    return std::move(config_);
  }

 private:
  void load_source() {
    TableReader nodes(document_.nodes, "node", diagnostics_);
    if (document_.node.empty() || !nodes.has(document_.node)) return;
    auto self = nodes.table(document_.node);
    if (!self) return;
    config_.source = self->parsed<IpAddress>("address", IpAddress::parse);
    if (config_.source && !config_.source->is_v4())
      self->error("address", "VRRP over IPv6 is not built yet", "an IPv4 address");
    else if (config_.source && !is_unicast(*config_.source))
      self->error("address",
                  fmt::format("{} is no address of a host", config_.source->to_string()));
  }

  void load_script(const std::string& name, TableReader& table) {
    Script script;
    script.name = name;
    load_command(table, script);
    if (auto interval = table.duration("interval", 10ms, 24h)) script.interval = *interval;
    script.timeout = table.duration("timeout", 10ms, 24h).value_or(script.interval);
    if (auto rise = table.integer("rise", 1, 1000)) script.rise = static_cast<int>(*rise);
    if (auto fall = table.integer("fall", 1, 1000)) script.fall = static_cast<int>(*fall);
    if (auto weight = table.integer("weight", -253, 253)) script.weight = static_cast<int>(*weight);
    for (std::string_view key : {"user", "init_fail"}) table.refuse(key, kNotBuilt);
    table.finish();
    script_names_.push_back(name);
    config_.scripts.push_back(std::move(script));
  }

  static void load_command(TableReader& table, Script& script) {
    const ConfigNode* command = table.raw("command");
    if (!command) {
      table.error_at(table.where(), "script has no command",
                     "command = \"/usr/bin/killall -0 hapair-proxy\"");
    } else if (command->kind == ConfigNode::Kind::String) {
      if (auto words = split_command(command->string))
        script.command = *std::move(words);
      else
        table.error("command", words.error().message);
    } else {
      script.command = table.strings("command");
      if (command->kind == ConfigNode::Kind::Array &&
          (command->array.empty() || (!script.command.empty() && script.command[0].empty())))
        table.error("command", "the command is empty");
    }
    const auto has_nul = [](const std::string& word) { return word.find('\0') != word.npos; };
    if (std::ranges::any_of(script.command, has_nul))
      table.error("command", "a word of a command cannot contain a NUL");
  }

  void load_instance(const std::string& name, TableReader& table) {
    Instance instance;
    instance.name = name;
    for (std::string_view key : kInstanceNotBuilt) table.refuse(key, kNotBuilt);
    if (auto version = table.integer("version", 2, 3)) instance.version = static_cast<int>(*version);
    load_interface(table, instance);
    static constexpr std::pair<std::string_view, InitialState> kStates[] = {
        {"master", InitialState::Master}, {"backup", InitialState::Backup}};
    if (auto state = table.word<InitialState>("state", kStates)) instance.state = *state;
    load_virtual_router_id(table, instance);
    if (auto priority = table.integer("priority", 1, 255))
      instance.priority = static_cast<int>(*priority);
    load_interval(table, instance);
    load_checksum(table, instance);
    load_addresses(table, instance);
    load_track_scripts(table, instance);
    load_preempt(table, instance);
    load_auth(table, instance);
    load_announcements(table, instance);
    table.finish();
    config_.instances.push_back(std::move(instance));
  }

  static void load_interval(TableReader& table, Instance& instance) {
    const bool version3 = instance.version == 3;
    if (auto interval = table.duration("advert_interval", kCentisecond,
                                       version3 ? kLongestInterval3 : Duration(255s))) {
      // RFC 3768 section 5.3.7: the field counts seconds. RFC 9568 section 5.2.7: centiseconds.
      if (!version3 && *interval % 1s != Duration::zero())
        table.error("advert_interval", "VRRP version 2 counts whole seconds",
                    "\"1s\", or version = 3, which counts hundredths");
      if (version3 && *interval % kCentisecond != Duration::zero())
        table.error("advert_interval", "VRRP version 3 counts hundredths of a second", "\"100ms\"");
      instance.advert_interval = *interval;
    }
    if (!version3 && table.has("longest_adopted_interval"))
      table.error("longest_adopted_interval", "only version 3 adopts the master's interval",
                  "version = 3, or leave it out");
    if (auto longest =
            table.duration("longest_adopted_interval", instance.advert_interval, kLongestInterval3))
      instance.longest_adopted = *longest;
  }

  static void load_checksum(TableReader& table, Instance& instance) {
    static constexpr std::pair<std::string_view, ChecksumChoice> kChoices[] = {
        {"auto", ChecksumChoice::Auto},
        {"pseudo", ChecksumChoice::Pseudo},
        {"plain", ChecksumChoice::Plain}};
    const auto choice = table.word<ChecksumChoice>("checksum", kChoices);
    if (!choice) return;
    instance.checksum = *choice;
    if (instance.version == 2)
      table.error("checksum", "the checksum of version 2 has one form only",
                  "version = 3, or leave it out");
  }

  static void load_interface(TableReader& table, Instance& instance) {
    if (!table.has("interface")) {
      table.error_at(table.where(), "instance has no interface", "interface = \"eth1\"");
      return;
    }
    instance.interface = table.string("interface").value_or("");
    if (instance.interface.size() > 15)  // IFNAMSIZ - 1
      table.error("interface", "an interface name has at most 15 bytes");
    else if (table.raw("interface")->kind == ConfigNode::Kind::String && !names_interface(instance))
      table.error("interface", fmt::format("\"{}\" cannot be an interface", instance.interface),
                  "a name as `ip link` shows it");
  }

  /// As the kernel's dev_valid_name() has it.
  static bool names_interface(const Instance& instance) {
    const std::string& name = instance.interface;
    const auto forbidden = [](unsigned char c) { return c == '/' || c == ':' || c <= ' '; };
    return !name.empty() && name != "." && name != ".." && std::ranges::none_of(name, forbidden);
  }

  void load_virtual_router_id(TableReader& table, Instance& instance) {
    if (!table.has("virtual_router_id")) {
      table.error_at(table.where(), "instance has no virtual_router_id",
                     "1 to 255, the same on both nodes");
      return;
    }
    const auto id = table.integer("virtual_router_id", 1, 255);
    if (!id) return;
    instance.virtual_router_id = static_cast<int>(*id);
    const auto [other, fresh] = router_ids_.try_emplace({instance.interface, *id}, instance.name);
    if (!fresh)
      table.error("virtual_router_id",
                  fmt::format("{} is already used by instance {} on {}", *id, other->second,
                              instance.interface),
                  "each instance of an interface needs its own");
  }

  void load_addresses(TableReader& table, Instance& instance) {
    if (!table.has("virtual_addresses")) {
      table.error_at(table.where(), "instance has no virtual_addresses",
                     "virtual_addresses = [\"192.168.50.10\"]");
      return;
    }
    const auto texts = table.strings("virtual_addresses");
    const ConfigNode& list = *table.raw("virtual_addresses");
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto& where = list.kind == ConfigNode::Kind::Array && i < list.array.size()
                              ? list.array[i].where
                              : list.where;
      const auto cidr = Cidr::parse(texts[i]);
      if (!cidr) {
        table.error_at(where, cidr.error().message);
      } else if (!cidr->address.is_v4()) {
        table.error_at(where, "IPv6 addresses need VRRP version 3, which is not built yet");
      } else if (!is_unicast(cidr->address)) {
        table.error_at(where,
                       fmt::format("{} cannot be a virtual address", cidr->address.to_string()));
      } else if (cidr->prefix == 0) {
        table.error_at(where, fmt::format("{} has no network: prefix 0", texts[i]),
                       "/32, or the prefix of the link's network");
      } else if (config_.source && cidr->address == *config_.source) {
        table.error_at(where, fmt::format("{} is this node's own address", texts[i]),
                       "a virtual address belongs to no node");
      } else if (!virtual_addresses_.insert(cidr->address).second) {
        table.error_at(where, fmt::format("{} is listed twice", cidr->address.to_string()));
      } else {
        instance.virtual_addresses.push_back(*cidr);
      }
    }
    if (list.kind == ConfigNode::Kind::Array && list.array.empty())
      table.error("virtual_addresses", "an instance needs at least one virtual address");
    // One UDP-sized datagram must hold them: 20 bytes of IP, 16 fixed, 4 each, in 1500.
    if (texts.size() > 255)
      table.error("virtual_addresses", "an advert holds at most 255 addresses");
  }

  void load_track_scripts(TableReader& table, Instance& instance) {
    if (!table.has("track_scripts")) return;
    instance.track_scripts = table.strings("track_scripts");
    const ConfigNode& list = *table.raw("track_scripts");
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < instance.track_scripts.size(); ++i) {
      const std::string& name = instance.track_scripts[i];
      const auto& where = list.kind == ConfigNode::Kind::Array && i < list.array.size()
                              ? list.array[i].where
                              : list.where;
      if (!seen.insert(name).second) {
        table.error_at(where, fmt::format("script {} is tracked twice", name));
      } else if (std::ranges::find(script_names_, name) == script_names_.end()) {
        const auto near = nearest_word(name, script_names_);
        table.error_at(where, fmt::format("there is no [vrrp.script.{}]", name),
                       near ? fmt::format("did you mean \"{}\"?", *near) : std::string());
      }
    }
  }

  static void load_preempt(TableReader& table, Instance& instance) {
    const ConfigNode* preempt = table.raw("preempt");
    if (!preempt) return;
    if (preempt->kind == ConfigNode::Kind::Boolean) {
      instance.preempt = preempt->boolean;
      return;
    }
    enum class Choice { Always, Delay, Never };
    static constexpr std::pair<std::string_view, Choice> kChoices[] = {
        {"always", Choice::Always}, {"delay", Choice::Delay}, {"never", Choice::Never}};
    const auto choice = table.word<Choice>("preempt", kChoices);
    if (choice == Choice::Delay)
      table.error("preempt", "preempt = \"delay\" is not built yet", "\"always\" or \"never\"");
    if (choice) instance.preempt = *choice == Choice::Always;
  }

  static void load_auth(TableReader& table, Instance& instance) {
    auto auth = table.table("auth");
    if (!auth) return;
    enum class Choice { None, Pass, Ah, Hmac };
    static constexpr std::pair<std::string_view, Choice> kChoices[] = {
        {"none", Choice::None}, {"pass", Choice::Pass}, {"ah", Choice::Ah}, {"hmac", Choice::Hmac}};
    const auto type = auth->word<Choice>("type", kChoices);
    const auto password = auth->string("password");
    if (!auth->has("type")) {
      auth->error_at(auth->where(), "auth has no type", "type = \"pass\"");
    } else if (type == Choice::Ah || type == Choice::Hmac) {
      auth->error(
          "type",
          fmt::format("auth type \"{}\" is not built yet", type == Choice::Ah ? "ah" : "hmac"),
          "\"none\" or \"pass\"");
    } else if (type == Choice::None && auth->has("password")) {
      auth->error("password", "a password without authentication", "type = \"pass\" to use it");
    } else if (type == Choice::Pass) {
      instance.auth = {Auth::Type::Pass, password.value_or("")};
      // RFC 9568 section 9: version 3 has no place for one.
      if (instance.version == 3)
        auth->error("type", "version 3 carries no password", "version = 2, or type = \"none\"");
      if (!auth->has("password"))
        auth->error_at(auth->where(), "auth type \"pass\" needs a password", "up to 8 bytes");
      else if (password && password->empty())
        auth->error("password", "the password is empty", "up to 8 bytes");
    }
    // RFC 2338 section 5.3.10 carries 8 bytes. Keepalived cuts likewise, so the pair still agrees.
    if (instance.auth.password.size() > 8) {
      auth->warning("password", "only the first 8 bytes of the password are used",
                    "shorten it to 8 bytes");
      instance.auth.password.resize(8);
    }
    auth->refuse("mode", kNotBuilt);
    auth->finish();
  }

  static void load_announcements(TableReader& table, Instance& instance) {
    auto garp = table.table("garp");
    if (!garp) return;
    Announcements& out = instance.announcements;
    if (auto repeat = garp->integer("repeat", 1, 100)) out.repeat = static_cast<int>(*repeat);
    if (auto delay = garp->duration("delay", 0s, 1h)) out.delay = *delay;
    if (auto refresh = garp->duration("refresh", 0s, 24h)) {
      if (*refresh != Duration::zero() && *refresh < 1s)
        garp->error("refresh", "at most one refresh a second", "\"0s\" turns it off");
      out.refresh = *refresh;
    }
    if (auto repeat = garp->integer("refresh_repeat", 1, 100))
      out.refresh_repeat = static_cast<int>(*repeat);
    garp->finish();
  }

  const ConfigDocument& document_;
  Diagnostics& diagnostics_;
  Config config_;
  std::vector<std::string> script_names_;
  std::set<IpAddress> virtual_addresses_;
  std::map<std::pair<std::string, std::int64_t>, std::string> router_ids_;
};

}  // namespace

const Script& Config::script(const std::string& name) const {
  return *std::ranges::find(scripts, name, &Script::name);
}

std::optional<Config> load_config(const ConfigDocument& document, Diagnostics& diagnostics) {
  Config config = Loader(document, diagnostics).load();
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

}  // namespace hapair::vrrp
