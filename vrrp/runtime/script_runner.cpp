#include "vrrp/runtime/script_runner.h"

namespace hapair::vrrp {

ScriptRunner::ScriptRunner(Loop& loop, PreparedScript script, Logger& log, OnReading on_reading)
    : prepared_(std::move(script)),
      loop_(loop),
      log_(log),
      on_reading_(std::move(on_reading)),
      fsm_({.interval = prepared_.script.interval,
            .rise = prepared_.script.rise,
            .fall = prepared_.script.fall,
            .begins_bad = prepared_.script.init_fail},
           loop.now()),
      timer_(loop, [this] { run(); }) {
  timer_.arm(fsm_.next_run());
}

std::string ScriptRunner::standing() const {
  const Verdict verdict = fsm_.verdict();
  return fmt::format("script {} {}", script().name,
                     verdict == Verdict::Good  ? "succeeded"
                     : verdict == Verdict::Bad ? "failed"
                                               : "has not ended yet");
}

/// One that begins bad, too, has been seen.
void ScriptRunner::resume(const Reading& before) {
  if (before.is_known) fsm_.resume(before.level != 0 ? Verdict::Good : Verdict::Bad);
}

void ScriptRunner::run() {
  fsm_.on_run(loop_.now());
  process_.emplace(loop_, Command{.argv = script().command, .credentials = prepared_.credentials},
                   script().timeout, [this](const ExitReport& report) { on_exit(report); });
}

void ScriptRunner::on_exit(const ExitReport& report) {
  const auto changed = fsm_.on_exit(report.succeeded(), loop_.now());
  timer_.arm(fsm_.next_run());
  if (report.error != told_error_) {
    told_error_ = report.error;
    if (!told_error_.empty())
      log_.log(Severity::Warning, "VRRP_Script({}) cannot be run: {}", script().name, told_error_);
  }
  if (!changed) return;
  log_.log(Severity::Info, "VRRP_Script({}) {}", script().name,
           *changed == Verdict::Good ? "succeeded" : "failed");
  on_reading_();
}

}  // namespace hapair::vrrp
