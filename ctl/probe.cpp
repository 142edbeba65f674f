#include "ctl/probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/text.h"

namespace hapair::ctl {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kStatusEnd = std::string_view("HTTP/1.1 200").size();

/// 2xx and 3xx; nothing: the status is not there yet.
std::optional<bool> is_good(std::string_view answer) {
  if (answer.size() < kStatusEnd) return std::nullopt;
  const auto status = parse_number<int>(answer.substr(kStatusEnd - 3, 3));
  return answer.starts_with("HTTP/1.") && status && *status >= 200 && *status < 400;
}

timespec to_timespec(Duration span) {
  const auto left = std::max(span, Duration::zero()).count();
  return {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
}

}  // namespace

Result<ProbeTarget> ProbeTarget::parse(std::string_view text) {
  ProbeTarget out{.address = {}, .request = {}, .name = std::string(text)};
  std::string where(text);
  if (text.starts_with(kScheme)) {
    const std::string_view rest = text.substr(kScheme.size());
    const auto slash = std::min(rest.find('/'), rest.size());
    where = rest.substr(0, slash);
    const std::string_view path = slash < rest.size() ? rest.substr(slash) : "/";
    if (std::ranges::any_of(path, [](unsigned char c) { return c <= ' ' || c == 0x7F; }))
      return fail(Errc::Syntax, "'{}' has a blank in its path", text);
    out.request = fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: hapair-drill\r\nConnection: close\r\n\r\n",
        path, where);
    if (IpAddress::parse(where))
      where = IpAddress::parse(where)->is_v6() ? fmt::format("[{}]:80", where) : where + ":80";
    if (where.ends_with(']')) where += ":80";
  }
  auto address = SocketAddress::parse(where);
  if (!address)
    return fail(Errc::Syntax,
                "'{}' is no place to probe: http://ADDRESS[:PORT]/PATH, or ADDRESS:PORT; {}", text,
                address.error().message);
  out.address = *address;
  return out;
}

Probe::Probe(ProbeTarget target) : target_(std::move(target)), thread_([this] { run(); }) {}

Probe::~Probe() {
  stop();
}

ProbeRecord Probe::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

void Probe::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Probe::run() {
  TimePoint next = steady_now();
  std::vector<pollfd> waiting;
  while (!stopping_ || !tries_.empty()) {
    TimePoint now = steady_now();
    if (!stopping_ && now >= next) {
      launch(now);
      // What was missed is not made up for: visitors are not more because this one was late.
      next = std::max(next + kInterval, now);
    }
    waiting.clear();
    for (const Try& one : tries_)
      waiting.push_back(
          {.fd = one.fd, .events = static_cast<short>(one.asked ? POLLIN : POLLOUT), .revents = 0});
    const timespec left = to_timespec(next - steady_now());
    const timespec moment = to_timespec(kInterval);
    ::ppoll(waiting.data(), waiting.size(), stopping_ ? &moment : &left, nullptr);
    now = steady_now();
    std::size_t place = 0;
    std::erase_if(tries_, [&](Try& one) {
      const short events = waiting[place++].revents;
      if (events != 0 && advance(one, events)) return true;
      return now - one.began >= kLimit && finish(one, false);
    });
  }
}

void Probe::launch(TimePoint now) {
  sockaddr_storage raw{};
  const socklen_t size = target_.address.to_sockaddr(raw);
  Try one{.fd = ::socket(raw.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
          .began = now};
  {
    const std::lock_guard lock(mutex_);
    one.number = record_.begin(now);
  }
  const bool begun =
      one.fd >= 0 && (::connect(one.fd, reinterpret_cast<const sockaddr*>(&raw), size) == 0 ||
                      errno == EINPROGRESS);
  if (begun)
    tries_.push_back(std::move(one));
  else
    finish(one, false);
}

bool Probe::advance(Try& one, short events) {
  if (!one.asked) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 || (events & (POLLERR | POLLHUP)) != 0) return finish(one, false);
    if (target_.request.empty()) return finish(one, true);
    // It fits into an empty send buffer.
    const ssize_t sent =
        ::send(one.fd, target_.request.data(), target_.request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(target_.request.size())) return finish(one, false);
    one.asked = true;
    return false;
  }
  char bytes[64];
  const ssize_t got = ::recv(one.fd, bytes, sizeof bytes, 0);
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) return finish(one, false);
  one.answer.append(bytes, static_cast<std::size_t>(got));
  const auto good = is_good(one.answer);
  return good && finish(one, *good);
}

bool Probe::finish(const Try& one, bool good) {
  if (one.fd >= 0) ::close(one.fd);
  const std::lock_guard lock(mutex_);
  record_.end(one.number, good, steady_now());
  return true;
}

}  // namespace hapair::ctl
