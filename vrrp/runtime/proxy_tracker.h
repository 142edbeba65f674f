// Minds whether the proxy on this host serves, or the backends that matter.
#pragma once

#include <string>
#include <vector>

#include "common/health_message.h"
#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/runtime/proxy_link.h"
#include "vrrp/runtime/tracker.h"

namespace hapair::vrrp {

class ProxyTracker final : public Tracker {
 public:
  struct Settings {
    std::string path;                   // of the health socket
    std::vector<std::string> backends;  // each must have a usable server; empty: the proxy itself is minded
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  ProxyTracker(Loop& loop, Logger& log, Settings settings, OnReading on_reading);

  TrackerKind kind() const override {
    return settings_.backends.empty() ? TrackerKind::Proxy : TrackerKind::Backends;
  }
  const std::string& name() const override { return name_; }
  Reading reading() const override;
  std::string standing() const override;
  bool is_leaving() const override { return link_.watch().is_leaving(); }
  void on_left() override { link_.say(kHealthLeft); }
  void on_taken() { link_.say(kHealthTaken); }
  /// See ProxyLink.
  Result<ProxyLink::Process> process() const { return link_.process(); }

 private:
  void on_change();

  const Settings settings_;
  const std::string name_;
  Logger& log_;
  OnReading on_reading_;
  ProxyLink link_;
};

}  // namespace hapair::vrrp
