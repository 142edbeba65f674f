#include "vrrp/runtime/notify_runner.h"

namespace hapair::vrrp {
namespace {

// Commands that wait for one that hangs; two a change at most.
constexpr std::size_t kMostWaiting = 16;

}  // namespace

NotifyRunner::NotifyRunner(Loop& loop, std::string subject, Logger& log,
                           std::function<void()> on_idle)
    : loop_(loop),
      subject_(std::move(subject)),
      log_(log),
      on_idle_(std::move(on_idle)),
      waiting_(kMostWaiting),
      impatience_(loop, [this] {
        log_.log(Severity::Warning, "{} {} of {} was ended: the daemon stops", subject_,
                 running_.key, to_string(running_.event));
        process_.reset();
        next();
      }) {}

void NotifyRunner::push(Run run) {
  if (const auto skipped = waiting_.push(std::move(run)))
    skip(*skipped, "too many wait for the one that runs");
  if (!process_) next();
}

void NotifyRunner::next() {
  auto run = waiting_.pop();
  if (!run) return on_idle_();
  running_ = *std::move(run);
  process_.emplace(loop_, std::move(running_.command), running_.timeout,
                   [this](const ExitReport& report) { on_exit(report); });
}

void NotifyRunner::on_exit(const ExitReport& report) {
  impatience_.disarm();
  if (!report.succeeded()) {
    const std::string how =
        !report.error.empty() ? "cannot be run: " + report.error
        : report.timed_out
            ? fmt::format("did not end within {} and was ended", format_duration(running_.timeout))
        : report.signal != 0 ? fmt::format("was ended by signal {}", report.signal)
                             : fmt::format("failed with exit status {}", report.status);
    log_.log(Severity::Warning, "{} {} of {} {}", subject_, running_.key,
             to_string(running_.event), how);
  }
  process_.reset();
  next();
}

void NotifyRunner::skip(const Run& run, std::string_view why) {
  log_.log(Severity::Warning, "{} {} of {} is skipped: {}", subject_, run.key,
           to_string(run.event), why);
}

void NotifyRunner::hurry(Duration patience) {
  for (std::size_t left = waiting_.size(); left > 0; --left) {
    auto run = *waiting_.pop();
    if (run.event == Notice::Event::Stop)
      waiting_.push(std::move(run));
    else
      skip(run, "the daemon stops");
  }
  if (process_ && running_.event != Notice::Event::Stop) impatience_.arm(loop_.now() + patience);
}

void NotifyRunner::let_go() {
  impatience_.disarm();
  while (const auto run = waiting_.pop()) skip(*run, "the daemon stops");
  if (!process_) return;
  log_.log(Severity::Warning, "{} {} of {} has not ended, and goes on without us", subject_,
           running_.key, to_string(running_.event));
  process_->let_go();
  process_.reset();
}

}  // namespace hapair::vrrp
