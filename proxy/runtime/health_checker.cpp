#include "proxy/runtime/health_checker.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace hapair::proxy {
namespace {

health::CheckFsm::Settings fsm_settings(const Check& check) {
  return {.interval = check.interval,
          .fast_interval = check.fast_interval,
          .down_interval = check.down_interval,
          .rise = check.rise,
          .fall = check.fall};
}

/// Failures that say nothing about the server: this machine could not even try.
bool is_our_own(int error_number) {
  switch (error_number) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRINUSE:
    case EADDRNOTAVAIL: return true;
    default: return false;
  }
}

}  // namespace

HealthChecker::HealthChecker(Loop& loop, Target target, TimePoint first, OnVerdict on_verdict)
    : loop_(loop),
      target_(std::move(target)),
      request_(target_.check.type == Check::Type::Http
                   ? target_.preamble +
                         health::probe_request(target_.check.method, target_.check.target,
                                           target_.check.version)
                   : std::string()),
      fsm_(fsm_settings(target_.check), first),
      on_verdict_(std::move(on_verdict)),
      timer_(loop, [this] { on_timer(); }),
      socket_(loop, *this) {
  timer_.arm(first);
}

void HealthChecker::pause() {
  timer_.disarm();
  socket_.close();
}

void HealthChecker::resume() {
  fsm_.begin_again(loop_.now());
  timer_.arm(fsm_.next_probe());
}

void HealthChecker::on_timer() {
  if (!socket_.in_use()) return start();
  conclude(health::timed_out(connected_));
}

void HealthChecker::start() {
  began_ = loop_.now();
  connected_ = false;
  reader_ = {};
  const int error_number =
      socket_.connect(target_.address, target_.approach, ProbeSocket::First::Us);
  if (error_number == 0) return timer_.arm(began_ + target_.timeout);
  if (!is_our_own(error_number)) return conclude(health::connect_failed(error_number));
  // It says nothing about the server: what is known of it stays.
  timer_.arm(began_ + target_.check.interval);
  on_verdict_(health::not_started(error_number));
}

void HealthChecker::on_ready(std::uint32_t events) {
  if (!socket_.in_use()) return;  // the end of the last probe's connection
  if (!connected_) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    if (events & (EPOLLERR | EPOLLHUP)) {
      int error_number = 0;
      socklen_t length = sizeof error_number;
      ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error_number, &length);
      return conclude(health::connect_failed(error_number != 0 ? error_number : ECONNRESET));
    }
    on_connected();
    if (!socket_.in_use()) return;
  }
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) read();
}

void HealthChecker::on_connected() {
  connected_ = true;
  if (request_.empty()) return conclude(health::connect_passed());
  // A fresh connection takes a probe's few bytes whole.
  const ssize_t sent = ::send(socket_.fd(), request_.data(), request_.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request_.size())) conclude(reader_.on_end(sent < 0 ? errno : 0));
}

void HealthChecker::read() {
  char bytes[2048];
  while (socket_.in_use()) {
    const ssize_t got = ::recv(socket_.fd(), bytes, sizeof bytes, 0);
    if (got > 0) {
      if (auto verdict = reader_.on_bytes({bytes, static_cast<std::size_t>(got)}))
        return conclude(*std::move(verdict));
    } else if (got == 0) {
      return conclude(reader_.on_end());
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      return conclude(reader_.on_end(errno));
    }
  }
}

void HealthChecker::conclude(health::ProbeResult result) {
  result.passed() ? socket_.end_good() : socket_.close();
  const TimePoint now = loop_.refresh();
  result.duration = now - began_;
  fsm_.on_probe(result.passed() ? health::Probe::Pass : health::Probe::Fail, now, result.duration);
  timer_.arm(fsm_.next_probe());
  on_verdict_(result);
}

}  // namespace hapair::proxy
