#include "vrrp/core/proxy_watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// A proxy says something as soon as somebody listens, but the first may come while it starts.
constexpr Duration kFirstPatience = 1s;

}  // namespace

void ProxyWatch::on_connected(TimePoint now) {
  state_ = State::Silent;
  heard_at_ = now;
  interval_ = kFirstPatience;
  missed_ = kMissedBeats - 1;
  deadline_ = now + interval_;
}

void ProxyWatch::on_disconnected() {
  state_ = State::Absent;
  deadline_ = kNever;
}

void ProxyWatch::on_message(const HealthMessage& message, TimePoint now) {
  switch (message.state) {
    case HealthMessage::State::Starting: state_ = State::Starting; break;
    case HealthMessage::State::Serving: state_ = State::Serving; break;
    case HealthMessage::State::Draining: state_ = State::Draining; break;
    case HealthMessage::State::Stopping: state_ = State::Stopping; break;
  }
  unserved_.reset();
  for (const std::string& backend : settings_.backends)
    if (!unserved_ && std::ranges::find(message.unserved, backend) != message.unserved.end())
      unserved_ = backend;
  heard_at_ = now;
  interval_ = message.interval;
  missed_ = 0;
  // A beat may be a little late, and is not missed yet.
  deadline_ = now + interval_ + interval_ / 2;
}

void ProxyWatch::on_deadline(TimePoint now) {
  if (now < deadline_) return;
  const bool late = now - deadline_ > interval_ / 2;
  if (!late && ++missed_ == kMissedBeats) {
    state_ = State::Hung;
    silence_ = now - heard_at_;
    deadline_ = kNever;
    return;
  }
  deadline_ = now + interval_;
}

Verdict ProxyWatch::verdict() const {
  switch (state_) {
    case State::Unknown: return Verdict::Unknown;
    case State::Serving:
    case State::Draining: return Verdict::Good;
    case State::Absent:
    case State::Silent:
    case State::Starting:
    case State::Stopping:
    case State::Hung: return Verdict::Bad;
  }
  return Verdict::Bad;
}

Verdict ProxyWatch::served() const {
  if (settings_.backends.empty()) return Verdict::Good;
  if (verdict() == Verdict::Unknown) return Verdict::Unknown;
  return unserved_ ? Verdict::Bad : Verdict::Good;
}

std::string ProxyWatch::trouble() const {
  switch (state_) {
    case State::Unknown: return "nothing was heard of the proxy yet";
    case State::Absent: return "the proxy is not running";
    case State::Silent: return "the proxy says nothing yet";
    case State::Starting: return "the proxy has not judged its servers yet";
    case State::Draining: return "the proxy is draining";
    case State::Stopping: return "the proxy is stopping";
    case State::Hung:
      return fmt::format("the proxy is hung: no heartbeat for {}",
                         format_duration(std::chrono::floor<std::chrono::milliseconds>(silence_)));
    case State::Serving: break;
  }
  return unserved_ ? fmt::format("backend {} has no usable server", *unserved_) : "";
}

}  // namespace hapair::vrrp
