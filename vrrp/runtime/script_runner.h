// Runs one tracked script again and again and tells when its verdict changes.
#pragma once

#include <optional>
#include <string>

#include "common/log.h"
#include "common/loop/loop.h"
#include "common/loop/subprocess.h"
#include "vrrp/core/script_fsm.h"
#include "vrrp/runtime/prepared_script.h"
#include "vrrp/runtime/tracker.h"

namespace hapair::vrrp {

class ScriptRunner final : public Tracker {
 public:
  /// The first run starts with the loop.
  ScriptRunner(Loop& loop, PreparedScript script, Logger& log, OnReading on_reading);

  TrackerKind kind() const override { return TrackerKind::Script; }
  const std::string& name() const override { return script().name; }
  Reading reading() const override { return Reading::of(fsm_.verdict()); }
  std::string standing() const override;
  void resume(const Reading& before) override;

 private:
  const Script& script() const { return prepared_.script; }
  void run();
  void on_exit(const ExitReport& report);

  const PreparedScript prepared_;
  Loop& loop_;
  Logger& log_;
  OnReading on_reading_;
  ScriptFsm fsm_;
  std::string told_error_;  // why it cannot be run, said once
  Timer timer_;
  std::optional<Subprocess> process_;
};

}  // namespace hapair::vrrp
