// Owns everything the daemon runs, and wires it to the loop.
#pragma once

#include <memory>
#include <vector>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/config/config.h"
#include "vrrp/net/netlink.h"
#include "vrrp/runtime/script_runner.h"
#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {

/// One thread, the loop's. Elections begin when every tracked script has spoken once, or after one
/// advert interval: an election begun on half the priority is only repeated a moment later.
class Supervisor {
 public:
  /// Opens every socket. An error names what is missing. The logger and the loop must outlive it.
  static Result<std::unique_ptr<Supervisor>> open(Loop& loop, const Config& config, Logger& log);
  ~Supervisor();

  void start();
  /// Masters resign and their addresses are removed before this returns.
  void shutdown();

 private:
  class Port;

  Supervisor(Loop& loop, const Config& config, Logger& log, std::unique_ptr<Netlink> netlink);
  Result<void> open_router(const Instance& instance);
  void on_link_change(int index);
  void on_verdict();
  std::vector<Tracked> tracked_by(const Instance& instance) const;

  const Config config_;
  Loop& loop_;
  Logger& log_;
  std::unique_ptr<Netlink> netlink_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::unique_ptr<ScriptRunner>> scripts_;
};

}  // namespace hapair::vrrp
