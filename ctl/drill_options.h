// What `hapair drill` is asked to do.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ctl/probe.h"
#include "vrrp/core/drill.h"

namespace hapair::ctl {

struct DrillOptions {
  std::optional<vrrp::drill::Kind> kind;  // absent: they are to be listed
  std::string instance;                   // empty: the only one
  std::optional<ProbeTarget> probe;       // absent: a connection to port 80 of the virtual address
  std::optional<Duration> limit;          // of the longest gap; absent: the drill's own
  Duration hold = vrrp::drill::kUsualHold;
  bool json = false;
  bool help = false;
  std::string socket;

  /// `socket`: the default one. Pure.
  static Result<DrillOptions> parse(std::span<const std::string_view> words, std::string socket);
};

}  // namespace hapair::ctl
