#include "vrrp/runtime/trackers.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "vrrp/runtime/file_tracker.h"
#include "vrrp/runtime/process_tracker.h"
#include "vrrp/runtime/script_runner.h"

namespace hapair::vrrp {
namespace {

InterfaceTracker::Settings interface_of(const Tracking& tracking) {
  return {tracking.name, {.up_delay = tracking.up_delay, .down_delay = tracking.down_delay}};
}

ProxyTracker::Settings proxy_of(const Config& config, const Tracking& tracking) {
  return {.path = config.health.path, .backends = tracking.backends};
}

Trackers::Definition definition_of(const Config& config, const PreparedScripts& scripts,
                                   const Tracking& tracking) {
  // Weights are the instances'.
  const auto weightless = [](auto section) {
    section.weight = 0;
    return section;
  };
  switch (tracking.kind) {
    case TrackerKind::Script: return scripts.at(tracking.name);
    case TrackerKind::File: return weightless(config.track_file(tracking.name));
    case TrackerKind::Process: return weightless(config.track_process(tracking.name));
    case TrackerKind::Proxy:
    case TrackerKind::Backends: return proxy_of(config, tracking);
    case TrackerKind::Interface: break;
  }
  return interface_of(tracking);
}

}  // namespace

Result<void> Trackers::follow(const Config& config, const PreparedScripts& scripts) {
  std::vector<Definition> wanted;
  for (const Instance& instance : config.instances)
    for (const Tracking& tracking : instance.tracked)
      if (Definition definition = definition_of(config, scripts, tracking);
          std::ranges::find(wanted, definition) == wanted.end())
        wanted.push_back(std::move(definition));

  std::vector<Entry> fresh;
  for (const Definition& definition : wanted) {
    if (std::ranges::find(entries_, definition, &Entry::definition) != entries_.end()) continue;
    auto tracker = make(definition);
    if (!tracker) return tl::make_unexpected(tracker.error());
    fresh.push_back({definition, *std::move(tracker)});
  }
  std::erase_if(entries_, [&](const Entry& entry) {
    return std::ranges::find(wanted, entry.definition) == wanted.end();
  });
  std::ranges::move(fresh, std::back_inserter(entries_));
  return {};
}

Result<std::unique_ptr<Tracker>> Trackers::make(const Definition& definition) {
  using Made = Result<std::unique_ptr<Tracker>>;
  struct Maker {
    Trackers& all;
    Made operator()(const PreparedScript& script) const {
      return std::make_unique<ScriptRunner>(all.loop_, script, all.log_, all.on_reading_);
    }
    Made operator()(const InterfaceTracker::Settings& settings) const {
      return std::make_unique<InterfaceTracker>(all.loop_, all.netlink_, all.log_, settings,
                                                all.on_reading_);
    }
    Made operator()(const TrackFile& file) const {
      return FileTracker::open(all.loop_, all.log_, file, all.on_reading_);
    }
    Made operator()(const ProxyTracker::Settings& settings) const {
      return std::make_unique<ProxyTracker>(all.loop_, all.log_, settings, all.on_reading_);
    }
    Made operator()(const TrackProcess& process) const {
      return ProcessTracker::open(all.loop_, all.log_, process, all.on_reading_);
    }
  };
  return std::visit(Maker{*this}, definition);
}

void Trackers::resume(std::span<const Succession::Found> found) {
  for (const Succession::Found& one : found)
    for (const Entry& entry : entries_)
      if (static_cast<int>(entry.tracker->kind()) == one.kind && entry.tracker->name() == one.name)
        entry.tracker->resume(one.reading);
}

std::vector<Succession::Found> Trackers::found() const {
  std::vector<Succession::Found> out;
  for (const Entry& entry : entries_)
    out.push_back({.kind = static_cast<int>(entry.tracker->kind()),
                   .name = entry.tracker->name(),
                   .reading = entry.tracker->what_counts()});
  return out;
}

void Trackers::on_link_change(int index) {
  for (const Entry& entry : entries_) entry.tracker->on_link_change(index);
}

void Trackers::on_left() {
  for (const Entry& entry : entries_)
    if (entry.tracker->is_leaving()) entry.tracker->on_left();
}

void Trackers::on_taken() {
  if (ProxyTracker* proxy = proxy_tracker()) proxy->on_taken();
}

Result<ProxyLink::Process> Trackers::proxy_process() const {
  if (const ProxyTracker* proxy = proxy_tracker()) return proxy->process();
  return fail(Errc::NotFound, "no instance tracks the proxy: track_proxy = true");
}

/// Null: nobody tracks it.
ProxyTracker* Trackers::proxy_tracker() const {
  for (const Entry& entry : entries_)
    if (auto* proxy = dynamic_cast<ProxyTracker*>(entry.tracker.get())) return proxy;
  return nullptr;
}

const Tracker& Trackers::tracker_of(const Tracking& tracking) const {
  return *std::ranges::find_if(entries_, [&](const Entry& entry) {
            if (const auto* settings = std::get_if<InterfaceTracker::Settings>(&entry.definition))
              return tracking.kind == TrackerKind::Interface && *settings == interface_of(tracking);
            // The heartbeat has one place only.
            if (const auto* proxy = std::get_if<ProxyTracker::Settings>(&entry.definition))
              return entry.tracker->kind() == tracking.kind && proxy->backends == tracking.backends;
            return entry.tracker->kind() == tracking.kind && entry.tracker->name() == tracking.name;
          })->tracker;
}

Trackers::Standing Trackers::standing_of(const Instance& instance, bool trusting) const {
  Standing out;
  for (const Tracking& tracking : instance.tracked) {
    const Tracker& tracker = tracker_of(tracking);
    const Reading reading = tracker.what_counts();
    Tracked tracked = weigh(reading, tracking.weight, tracking.reverse);
    if (!reading.is_known && trusting) tracked.verdict = Verdict::Good;
    if (tracked.weight == 0 && tracked.verdict != Verdict::Good) out.trouble = tracker.standing();
    out.is_known = out.is_known && reading.is_known;
    out.is_leaving = out.is_leaving || tracker.is_leaving();
    out.tracked.push_back(tracked);
  }
  return out;
}

}  // namespace hapair::vrrp
