// [vrrp.track_file.NAME], [vrrp.track_process.NAME], and an instance's `track_…`.
#include "vrrp/config/tracking.h"

#include <algorithm>

#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr int kMostWeight = 253;      // from 1 to 254, either way
constexpr int kMostFileWeight = 254;  // so that a file with -1 or 1 can say FAULT
constexpr int kMostInitial = 2000;

/// What there is of a kind, by name, and the weight it has unless an instance says otherwise.
using Sections = std::vector<std::pair<std::string, int>>;

template <typename Section>
Sections sections_of(const std::vector<Section>& list) {
  Sections out;
  for (const Section& section : list) out.emplace_back(section.name, section.weight);
  return out;
}

void read_path(TableReader& table, std::string_view key, std::string& out) {
  const auto path = table.string(key);
  if (!path) return;
  out = *path;
  if (!path->starts_with('/') || path->ends_with('/') || path->find('\0') != path->npos)
    table.error(key, "a file is named by its whole path",
                fmt::format("{} = \"/run/hapair/…\"", key));
}

/// The items of one `track_…` list: names, or tables with a name.
class TrackingReader {
 public:
  /// `sections`: where names must be found; none: an interface's name.
  TrackingReader(TableReader& table, TrackerKind kind, std::string_view section, Sections sections,
                 Instance& instance)
      : table_(table),
        kind_(kind),
        section_(section),
        sections_(std::move(sections)),
        instance_(instance) {}

  void read(std::string_view key) {
    const ConfigNode* list = table_.raw(key);
    if (!list) return;
    if (list->kind != ConfigNode::Kind::Array) return read_item(key, *list);
    for (const ConfigNode& item : list->array) read_item(key, item);
  }

 private:
  void read_item(std::string_view key, const ConfigNode& item) {
    Tracking tracking{.kind = kind_};
    if (item.kind == ConfigNode::Kind::String) {
      tracking.name = item.string;
      return take(item.where, tracking);
    }
    if (item.kind != ConfigNode::Kind::Table)
      return table_.error_at(
          item.where,
          fmt::format("an item of {} is a name or a table, not {}", key, item.kind_name()),
          "\"NAME\" or { name = \"NAME\", weight = -20 }");
    TableReader table(item, fmt::format("{}.{}", table_.path(), key), table_.diagnostics());
    const auto name = table.string("name");
    if (!table.has("name"))
      table.error_at(item.where, fmt::format("an item of {} without a name", key),
                     "name = \"NAME\"");
    const int most = kind_ == TrackerKind::File ? kMostFileWeight : kMostWeight;
    const auto weight = table.integer("weight", -most, most);
    if (auto reverse = table.boolean("reverse")) tracking.reverse = *reverse;
    if (kind_ == TrackerKind::Interface) {
      if (auto delay = table.duration("up_delay", 0s, 1h)) tracking.up_delay = *delay;
      if (auto delay = table.duration("down_delay", 0s, 1h)) tracking.down_delay = *delay;
    }
    table.finish();
    if (!name) return;
    tracking.name = *name;
    take(table.where("name"), tracking, weight);
  }

  void take(const SourceLocation& where, Tracking tracking,
            std::optional<std::int64_t> weight = {}) {
    const std::string& name = tracking.name;
    const auto same = [&](const Tracking& other) {
      return other.kind == kind_ && other.name == name;
    };
    if (std::ranges::any_of(instance_.tracked, same))
      return table_.error_at(where, fmt::format("{} {} is listed twice", section_, name));
    if (kind_ == TrackerKind::Interface) {
      if (name.size() > 15 || !is_interface_name(name))
        return table_.error_at(where, fmt::format("\"{}\" cannot be an interface", name),
                               "a name as `ip link` shows it");
    } else {
      std::vector<std::string> known;
      for (const auto& section : sections_) known.push_back(section.first);
      if (!read_name(table_, where, name, known, section_)) return;
      tracking.weight = std::ranges::find(sections_, name, &Sections::value_type::first)->second;
    }
    if (weight) tracking.weight = static_cast<int>(*weight);
    instance_.tracked.push_back(std::move(tracking));
  }

  TableReader& table_;
  TrackerKind kind_;
  std::string_view section_;
  Sections sections_;
  Instance& instance_;
};

}  // namespace

std::string_view to_string(TrackerKind kind) {
  switch (kind) {
    case TrackerKind::Script: return "script";
    case TrackerKind::Interface: return "interface";
    case TrackerKind::File: return "file";
    case TrackerKind::Process: return "process";
    case TrackerKind::Proxy: return "proxy";
    case TrackerKind::Backends: return "backends";
  }
  return "";
}

TrackFile read_track_file(const std::string& name, TableReader& table) {
  TrackFile file{.name = name};
  read_path(table, "path", file.path);
  if (!table.has("path"))
    table.error_at(table.where(), "a tracked file without its path",
                   "path = \"/run/hapair/drain\"");
  if (auto weight = table.integer("weight", -kMostFileWeight, kMostFileWeight))
    file.weight = static_cast<int>(*weight);
  if (auto initial = table.integer("initial", -kMostInitial, kMostInitial))
    file.initial = static_cast<int>(*initial);
  table.finish();
  return file;
}

TrackProcess read_track_process(const std::string& name, TableReader& table) {
  TrackProcess process{.name = name};
  for (std::string_view key : {"quorum_max", "full_command", "param_match"})
    table.refuse(key, kNotBuilt);
  if (auto called = table.string("name")) {
    process.process = *called;
    constexpr std::size_t kMost = 15;  // TASK_COMM_LEN - 1
    if (called->empty() || called->find('/') != called->npos)
      table.error("name", "a process is named as `ps -o comm` shows it, without a folder",
                  "name = \"hapair-proxy\"");
    else if (called->size() > kMost)
      table.error("name", "the kernel keeps the first 15 bytes of a process's name",
                  fmt::format("name = \"{}\", or a pidfile", called->substr(0, kMost)));
  }
  read_path(table, "pidfile", process.pidfile);
  if (!table.has("name") && !table.has("pidfile"))
    table.error_at(table.where(), "a tracked process has neither a name nor a pidfile",
                   "name = \"hapair-proxy\"");
  if (auto quorum = table.integer("quorum", 1, 1000)) process.quorum = static_cast<int>(*quorum);
  if (process.quorum > 1 && table.has("pidfile"))
    table.error("quorum", "a pidfile names one process", "leave it out, or name the processes");
  if (auto delay = table.duration("delay", 0s, 1h)) process.delay = *delay;
  if (auto delay = table.duration("terminate_delay", 0s, 1h)) process.terminate_delay = *delay;
  if (auto weight = table.integer("weight", -kMostWeight, kMostWeight))
    process.weight = static_cast<int>(*weight);
  table.finish();
  return process;
}

void read_tracked(TableReader& table, const Surroundings& surroundings, Instance& instance) {
  const Config& sections = *surroundings.sections;
  using Kind = TrackerKind;
  TrackingReader(table, Kind::Script, "script", sections_of(sections.scripts), instance)
      .read("track_scripts");
  TrackingReader(table, Kind::Interface, "interface", {}, instance).read("track_interfaces");
  TrackingReader(table, Kind::File, "track_file", sections_of(sections.track_files), instance)
      .read("track_files");
  TrackingReader(table, Kind::Process, "track_process", sections_of(sections.track_processes),
                 instance)
      .read("track_processes");
  if (auto own = table.boolean("track_own_interface")) instance.track_own_interface = *own;
}

}  // namespace hapair::vrrp
