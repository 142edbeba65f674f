#include "proxy/runtime/heartbeat.h"

#include <algorithm>

#include "proxy/runtime/supervisor.h"

namespace hapair::proxy {
namespace {

using State = HealthMessage::State;

/// Every server that is checked has had its first verdict, however it was.
bool is_judged(const BackendState& backend) {
  return std::ranges::none_of(backend.farm, [](const auto& server) {
    return server->health() == health::Health::Unknown && !server->condition().in_maintenance();
  });
}

bool is_unserved(const BackendState& backend) {
  return !backend.farm.empty() && balance::usable_servers(backend.farm) == 0;
}

}  // namespace

Heartbeat::Heartbeat(Supervisor& supervisor, Loop& loop, std::function<void()> on_left,
                     std::function<void()> on_taken)
    : supervisor_(supervisor),
      loop_(loop),
      on_left_(std::move(on_left)),
      server_(loop,
              [this] {
                if (message_.state == State::Draining && server_.all_left()) on_left_();
              },
              std::move(on_taken)),
      timer_(loop, [this] { on_due(); }) {}

Result<void> Heartbeat::open(const HealthSocket& socket, const Identity& identity) {
  return server_.open(socket.path, identity.user, identity.group);
}

void Heartbeat::start(Duration interval) {
  message_.interval = interval;
  if (!server_.is_open() || std::exchange(beats_, true)) return;
  message_.workers = static_cast<unsigned>(supervisor_.workers().size());
  ask();
  timer_.arm(loop_.refresh());
}

void Heartbeat::on_due() {
  timer_.arm(loop_.now() + message_.interval);
  // While the question still stands nothing is sent, and nothing more is asked.
  overdue_ = answered_ < asked_;
  if (!overdue_) beat();
}

void Heartbeat::beat() {
  // Who drains does not accept, and is well.
  if (all_accept_ || message_.state == State::Draining) {
    if (message_.state == State::Starting && is_ready()) message_.state = State::Serving;
    send();
  }
  ask();
}

void Heartbeat::ask() {
  const auto workers = supervisor_.workers();
  asked_ = workers.size();
  answered_ = 0;
  all_accept_ = true;
  for (const auto& worker : workers)
    worker->post([this, &worker = *worker, asked = asked_] {
      if (!worker.is_accepting()) all_accept_ = false;
      if (++answered_ < asked) return;
      loop_.post([this] {
        if (std::exchange(overdue_, false)) beat();
      });
    });
}

bool Heartbeat::is_ready() const {
  return std::ranges::all_of(supervisor_.snapshot().backends,
                             [](const auto& backend) { return is_judged(*backend); });
}

void Heartbeat::say(State state) {
  message_.state = state;
  if (state == State::Draining) server_.forget_left();
  send();
}

void Heartbeat::send() {
  ++message_.sequence;
  message_.unserved.clear();
  for (const auto& backend : supervisor_.snapshot().backends)
    if (is_unserved(*backend)) message_.unserved.push_back(backend->config.name);
  server_.send(encode(message_));
}

}  // namespace hapair::proxy
