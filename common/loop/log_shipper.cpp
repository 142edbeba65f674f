#include "common/loop/log_shipper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace hapair {
namespace {

constexpr std::size_t kBatch = 64;           // datagrams a system call
constexpr std::size_t kFlushBytes = 64 * 1024;  // a turn that logs more than this sends at once

}  // namespace

/// One target's socket and the lines that wait for the end of the turn, back to back in one buffer.
struct LogShipper::Sink {
  explicit Sink(LogTarget where) : target(std::move(where)) { open(); }
  ~Sink() {
    if (fd > STDERR_FILENO) ::close(fd);
  }

  void open() {
    if (target.transport == LogTarget::Transport::Stderr) {
      fd = STDERR_FILENO;
      return;
    }
    const bool udp = target.transport == LogTarget::Transport::Udp;
    const int family = !udp ? AF_UNIX : target.address.ip.is_v4() ? AF_INET : AF_INET6;
    fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connect();
  }

  // Unix sockets come and go with the syslog daemon, so a failed send connects again.
  bool connect() {
    sockaddr_storage address{};
    socklen_t length;
    if (target.transport == LogTarget::Transport::Udp) {
      length = target.address.to_sockaddr(address);
    } else {
      auto& path = reinterpret_cast<sockaddr_un&>(address);
      path.sun_family = AF_UNIX;
      std::strncpy(path.sun_path, target.path.c_str(), sizeof path.sun_path - 1);
      length = sizeof path;
    }
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0;
  }

  std::uint64_t flush() {
    std::uint64_t lost = 0;
    if (target.transport == LogTarget::Transport::Stderr) {
      lost = write_stream();
    } else {
      lost = send_datagrams();
    }
    text.clear();
    ends.clear();
    return lost;
  }

  // Standard error may be a pipe that nobody reads or a stopped terminal. It is shared, so it stays
  // blocking; a line goes out only while there is room for it.
  std::uint64_t write_stream() {
    std::uint64_t lost = 0;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      pollfd stream{.fd = fd, .events = POLLOUT, .revents = 0};
      const bool room = ::poll(&stream, 1, 0) == 1 && (stream.revents & POLLOUT);
      const std::size_t size = std::min<std::size_t>(end - begin, PIPE_BUF);
      if (!room || ::write(fd, text.data() + begin, size) < 0) ++lost;
      begin = end;
    }
    return lost;
  }

  std::uint64_t send_datagrams() {
    std::uint64_t lost = 0;
    mmsghdr messages[kBatch];
    iovec parts[kBatch];
    std::size_t sent = 0;
    bool reconnected = false;
    while (sent < ends.size()) {
      const std::size_t count = std::min(kBatch, ends.size() - sent);
      std::memset(messages, 0, count * sizeof messages[0]);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t begin = sent + i == 0 ? 0 : ends[sent + i - 1];
        parts[i] = {text.data() + begin, ends[sent + i] - begin};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      const int done = ::sendmmsg(fd, messages, static_cast<unsigned>(count), MSG_NOSIGNAL);
      if (done > 0) {
        sent += static_cast<std::size_t>(done);
        continue;
      }
      // A UDP socket reports here that an earlier datagram met a closed port: that one is lost,
      // this one may still go. Anything else loses the line rather than block.
      if (errno == EINTR) continue;
      if (errno == ECONNREFUSED && !reconnected) {
        reconnected = true;
        if (target.transport == LogTarget::Transport::Udp || connect()) continue;
      }
      // A target that could not be reached when we started, or a syslog daemon that came back.
      if (!reconnected && errno != EAGAIN && errno != ECONNREFUSED) {
        reconnected = true;
        if (connect()) continue;
      }
      ++lost;
      ++sent;
    }
    return lost;
  }

  LogTarget target;
  int fd = -1;
  std::string text;               // the lines, without separators between datagrams
  std::vector<std::size_t> ends;  // where each ends in text
};

LogShipper::LogShipper(Loop& loop, std::vector<LogTarget> targets, std::string tag)
    : tag_(std::move(tag)), pid_(::getpid()) {
  for (LogTarget& target : targets) {
    most_verbose_ = std::max(most_verbose_, target.level);
    sinks_.push_back(std::make_unique<Sink>(std::move(target)));
  }
  loop.at_turn_end([this] { flush(); });
}

LogShipper::~LogShipper() { flush(); }

void LogShipper::write(Severity severity, std::string_view text) {
  if (!wants(severity)) return;
  const std::string_view stamp = clock_.stamp(wall_now());
  for (auto& sink : sinks_) {
    if (severity > sink->target.level) continue;
    const std::size_t begin = sink->text.size();
    append_rfc3164(sink->text, sink->target, severity, stamp, tag_, pid_, text);
    if (sink->target.transport == LogTarget::Transport::Stderr) {
      sink->text.erase(begin, sink->text.find('>', begin) + 1 - begin);  // "<134>" is for daemons
      sink->text += '\n';
    }
    sink->ends.push_back(sink->text.size());
    if (sink->text.size() > kFlushBytes) dropped_ += sink->flush();
  }
}

void LogShipper::flush() {
  for (auto& sink : sinks_)
    if (!sink->ends.empty()) dropped_ += sink->flush();
}

}  // namespace hapair
