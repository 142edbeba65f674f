// Runs one tracked script again and again and tells when its verdict changes.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/loop/loop.h"
#include "common/loop/subprocess.h"
#include "vrrp/config/config.h"
#include "vrrp/core/script_fsm.h"

namespace hapair::vrrp {

class ScriptRunner {
 public:
  /// `on_verdict` is called from the loop. The first run starts with the loop.
  ScriptRunner(Loop& loop, const Script& script, Logger& log, std::function<void()> on_verdict);

  const std::string& name() const { return script_.name; }
  Tracked tracked() const { return {.weight = script_.weight, .verdict = fsm_.verdict()}; }

 private:
  void run();
  void on_exit(const ExitReport& report);

  const Script script_;
  Loop& loop_;
  Logger& log_;
  std::function<void()> on_verdict_;
  ScriptFsm fsm_;
  std::string told_error_;  // why it cannot be run, said once
  Timer timer_;
  std::optional<Subprocess> process_;
};

}  // namespace hapair::vrrp
