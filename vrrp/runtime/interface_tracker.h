// Minds whether an interface is up.
#pragma once

#include <string>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/core/debounce.h"
#include "vrrp/net/netlink.h"
#include "vrrp/runtime/tracker.h"

namespace hapair::vrrp {

/// By its name: one that is renamed or removed is down, and whichever has the name is up when that
/// is.
class InterfaceTracker final : public Tracker {
 public:
  struct Settings {
    std::string name;
    Debounce::Settings delays{};
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  InterfaceTracker(Loop& loop, Netlink& netlink, Logger& log, Settings settings,
                   OnReading on_reading);

  TrackerKind kind() const override { return TrackerKind::Interface; }
  const std::string& name() const override { return settings_.name; }
  Reading reading() const override { return Reading::of(debounce_.verdict()); }
  std::string standing() const override;
  void on_link_change(int index) override;

 private:
  void look(const Result<Link>& link);
  void rearm() { timer_.arm(debounce_.deadline()); }

  const Settings settings_;
  Loop& loop_;
  Netlink& netlink_;
  Logger& log_;
  OnReading on_reading_;
  Debounce debounce_;
  int index_ = 0;   // of the interface that has the name; 0: there is none
  bool up_ = true;  // as it was told last
  Timer timer_;
};

}  // namespace hapair::vrrp
