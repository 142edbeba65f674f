// What the instances of a configuration track.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/config/config.h"
#include "vrrp/core/priority.h"
#include "vrrp/core/succession.h"
#include "vrrp/net/netlink.h"
#include "vrrp/runtime/interface_tracker.h"
#include "vrrp/runtime/prepared_script.h"
#include "vrrp/runtime/proxy_tracker.h"
#include "vrrp/runtime/tracker.h"

namespace hapair::vrrp {

/// One tracker for each thing that is tracked, however many instances track it. Lives on its loop's
/// thread and dies before the loop; netlink and the logger outlive it.
class Trackers {
 public:
  Trackers(Loop& loop, Netlink& netlink, Logger& log, OnReading on_reading)
      : loop_(loop), netlink_(netlink), log_(log), on_reading_(std::move(on_reading)) {}

  /// `scripts`: prepare_scripts() of it. Begins what the instances of `config` track, and ends what
  /// they do not. What they tracked before goes on with what it knows, whatever weight it has now.
  /// After an error everything is as it was.
  Result<void> follow(const Config& config, const PreparedScripts& scripts);
  /// What the program before this one has found counts until it is found here.
  void resume(std::span<const Succession::Found> found);
  std::vector<Succession::Found> found() const;
  void on_link_change(int index);
  /// This node has none of the addresses.
  void on_left();
  /// A router here has just become master: the proxy hears of it.
  void on_taken();

  /// Of the proxy that some instance tracks; see ProxyLink.
  Result<ProxyLink::Process> proxy_process() const;

  /// How the things stand that an instance of that configuration tracks.
  struct Standing {
    std::vector<Tracked> tracked;  // in the order of the configuration
    std::string trouble;           // what is bad, of those of weight 0; empty: nothing is
    bool is_known = true;          // all have been seen once
    bool is_leaving = false;       // one asks that the address go elsewhere
  };
  /// `trusting`: what has not been seen yet counts as good.
  Standing standing_of(const Instance& instance, bool trusting = false) const;

  /// What a tracker is made from; of the same, there is one tracker.
  using Definition = std::variant<PreparedScript, InterfaceTracker::Settings, TrackFile,
                                  TrackProcess, ProxyTracker::Settings>;
  struct Entry {
    Definition definition;
    std::unique_ptr<Tracker> tracker;
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  Result<std::unique_ptr<Tracker>> make(const Definition& definition);
  const Tracker& tracker_of(const Tracking& tracking) const;
  ProxyTracker* proxy_tracker() const;

  Loop& loop_;
  Netlink& netlink_;
  Logger& log_;
  OnReading on_reading_;
  std::vector<Entry> entries_;
};

}  // namespace hapair::vrrp
