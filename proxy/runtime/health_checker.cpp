#include "proxy/runtime/health_checker.h"

#include <fmt/format.h>

#include <utility>

#include "proxy/runtime/make_probe.h"

namespace hapair::proxy {
namespace {

health::CheckFsm::Settings fsm_settings(const Check& check) {
  return {.interval = check.interval,
          .fast_interval = check.fast_interval,
          .down_interval = check.down_interval,
          .rise = check.rise,
          .fall = check.fall,
          .spread = check.spread};
}

/// A server with many names wants the same one in the handshake and in the request.
std::string host_of(const HealthChecker::Target& target) {
  const auto& tls = target.check.tls;
  return tls && !tls->server_name.empty() ? tls->server_name : target.address.to_string();
}

}  // namespace

HealthChecker::HealthChecker(Loop& loop, Target target, TimePoint first,
                             std::atomic<bool>& probing, OnVerdict on_verdict, Describe describe)
    : loop_(loop),
      target_(std::move(target)),
      fsm_(fsm_settings(target_.check), first),
      probing_(probing),
      on_verdict_(std::move(on_verdict)),
      describe_(std::move(describe)),
      timer_(loop, [this] { start(); }),
      prober_(loop,
              [this] {
                auto probe = make_probe(target_.check, host_of(target_));
                if (target_.check.send_state) http_ = dynamic_cast<health::HttpProbe*>(probe.get());
                return within_tls(target_.check, target_.address.ip, std::move(probe));
              }(),
              [this](health::ProbeResult result, bool ours) { conclude(std::move(result), ours); }) {
  timer_.arm(first);
}

void HealthChecker::pause() {
  timer_.disarm();
  prober_.cancel();
  command_.reset();
  probing_ = false;
}

void HealthChecker::resume() {
  fsm_.begin_again(loop_.now());
  timer_.arm(fsm_.next_probe());
}

void HealthChecker::on_traffic_errors(health::Penalty penalty, std::string story) {
  const std::uint64_t failures = fsm_.failures();
  fsm_.on_traffic_errors(penalty, loop_.now());
  if (!prober_.running() && !command_) timer_.arm(fsm_.next_probe());
  if (fsm_.failures() != failures)
    on_verdict_({.status = health::ProbeStatus::Observed, .info = std::move(story)});
}

void HealthChecker::start() {
  probing_ = true;
  if (target_.check.type == Check::Type::Command) return start_command();
  if (http_) http_->set_request(http_request(target_.check, host_of(target_), describe_()));
  prober_.start(target_.address, target_.approach, target_.preamble, target_.timeout);
}

// HAProxy's arguments: the listener, which a check has none of, and the server.
void HealthChecker::start_command() {
  std::vector<std::string> argv = target_.check.command;
  argv.insert(argv.end(), {"NOT_USED", "NOT_USED", target_.server.ip.to_string(),
                           std::to_string(target_.server.port)});
  const TimePoint began = loop_.now();
  command_ = std::make_unique<Subprocess>(
      loop_, Command{.argv = std::move(argv), .environment = target_.environment}, target_.timeout,
      [this, began](const ExitReport& report) {
        const auto ended = std::move(command_);  // whose call this is
        using health::ProbeStatus;
        health::ProbeResult result{.status = ProbeStatus::CommandFailed, .code = report.status};
        if (report.succeeded()) {
          result.status = ProbeStatus::CommandOk;
        } else if (report.timed_out) {
          result = {.status = ProbeStatus::CommandTimeout};
        } else if (!report.error.empty()) {
          result = {.status = ProbeStatus::CommandFailed, .code = 127, .info = report.error};
        } else if (report.signal != 0) {
          result = {.status = ProbeStatus::CommandFailed,
                    .info = fmt::format("ended by signal {}", report.signal)};
        }
        result.duration = loop_.refresh() - began;
        if (report.refused != 0) result = health::not_started(report.refused);
        conclude(std::move(result), /*ours=*/report.refused != 0);
      });
}

void HealthChecker::conclude(health::ProbeResult result, bool ours) {
  probing_ = false;
  if (ours) {
    // It says nothing about the server: what is known of it stays.
    timer_.arm(loop_.now() + target_.check.interval);
    return on_verdict_(result);
  }
  using health::Probe;
  using health::ProbeStatus;
  Probe verdict = result.passed() ? Probe::Pass : Probe::Fail;
  if (target_.check.disable_on_404 && result.status == ProbeStatus::L7Status && result.code == 404 &&
      fsm_.health() != health::Health::Down) {
    verdict = Probe::Conditional;
    result.status = ProbeStatus::L7OkConditional;
    result.info.clear();
  }
  fsm_.on_probe(verdict, loop_.now(), result.duration);
  timer_.arm(fsm_.next_probe());
  on_verdict_(result);
}

}  // namespace hapair::proxy
