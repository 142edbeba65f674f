#include "ctl/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/address.h"

namespace hapair::ctl {
namespace {

constexpr std::size_t kLongestAnswer = 64 << 20;  // bytes

struct Socket {
  int fd = -1;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

/// The address, and its length; an error: `where` is none.
Result<socklen_t> resolve(const std::string& where, sockaddr_storage& raw) {
  if (where.starts_with('/') || where.starts_with("unix:"))
    return UnixAddress::parse(where.starts_with('/') ? "unix:" + where : where)
        .map([&](const UnixAddress& address) { return address.to_sockaddr(raw); });
  return SocketAddress::parse(where).map(
      [&](const SocketAddress& address) { return address.to_sockaddr(raw); });
}

tl::unexpected<Error> cannot_connect(int error_number, const std::string& where) {
  switch (error_number) {
    case ENOENT:
      return fail(Errc::NotFound, "there is no control socket {}: is the daemon running?", where);
    case ECONNREFUSED:
      return fail(Errc::NotFound, "nobody listens at {}: the daemon is not running", where);
    case EACCES:
      return fail(
          Errc::Denied,
          "{} is not for everybody: ask as root, or as its group (`mode` and `group` of its "
          "`control` table)",
          where);
    case EAGAIN:
    case EINPROGRESS: return fail(Errc::System, "{} takes nobody in: is the daemon stuck?", where);
    default: return fail_errno(error_number, "cannot connect to {}", where);
  }
}

timeval to_timeval(Duration span) {
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  return {.tv_sec = microseconds / 1'000'000,
          .tv_usec = static_cast<suseconds_t>(microseconds % 1'000'000)};
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == ';' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

Result<std::string> ask_daemon(const std::string& where, std::string_view line, Duration patience) {
  const TimePoint deadline = steady_now() + patience;
  sockaddr_storage raw{};
  const auto length = resolve(where, raw);
  if (!length) return tl::make_unexpected(length.error());
  const Socket socket{::socket(raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (socket.fd < 0) return fail_errno(errno, "cannot open a socket");
  const timeval limit = to_timeval(patience);  // of connecting and sending
  ::setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&raw), *length) < 0)
    return cannot_connect(errno, where);
  const std::string question = fmt::format("{}\n", line);
  if (::send(socket.fd, question.data(), question.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(question.size()))
    return fail_errno(errno, "cannot ask {}", where);

  std::string answer;
  char bytes[65536];
  for (;;) {
    const auto left = std::max(deadline - steady_now(), Duration::zero());
    pollfd ready{.fd = socket.fd, .events = POLLIN, .revents = 0};
    const int count = ::poll(&ready, 1, static_cast<int>(to_milliseconds(left)));
    if (count == 0)
      return fail(Errc::System, "no answer from {} within {}: is the daemon stuck?", where,
                  format_duration(patience));
    const ssize_t got = count < 0 ? -1 : ::recv(socket.fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "cannot hear {}", where);
    if (got == 0) return answer;
    answer.append(bytes, static_cast<std::size_t>(got));
    if (answer.size() > kLongestAnswer)
      return fail(Errc::Range, "{} does not stop answering", where);
  }
}

}  // namespace hapair::ctl
