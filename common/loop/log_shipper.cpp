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

#include "common/log_batch.h"

namespace hapair {
namespace {

constexpr std::size_t kBatch = 64;           // datagrams a system call
constexpr std::size_t kFlushBytes = 64 * 1024;  // a turn that logs more than this sends at once

}  // namespace

/// One target's socket and the lines that wait for the end of the turn.
struct LogShipper::Sink {
  Sink(LogTarget where, const LogSpeaker& speaker)
      : target(std::move(where)), form(target, speaker) {
    open();
  }
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

  /// The line that was begun at the end of the batch ends at `end`.
  void end_line(char* end) { batch.commit(form.finish(batch.room(0), end)); }

  std::uint64_t flush() {
    std::uint64_t lost = 0;
    if (target.transport == LogTarget::Transport::Stderr) {
      lost = write_stream();
    } else {
      lost = send_datagrams();
    }
    batch.clear();
    return lost;
  }

  // Standard error may be a pipe that nobody reads or a stopped terminal. It is shared, so it stays
  // blocking; a line goes out only while there is room for it.
  std::uint64_t write_stream() {
    std::uint64_t lost = 0;
    for (std::size_t i = 0; i < batch.lines(); ++i) {
      pollfd stream{.fd = fd, .events = POLLOUT, .revents = 0};
      const bool room = ::poll(&stream, 1, 0) == 1 && (stream.revents & POLLOUT);
      const std::string_view line = batch.line(i).substr(0, PIPE_BUF);
      if (!room || ::write(fd, line.data(), line.size()) < 0) ++lost;
    }
    return lost;
  }

  std::uint64_t send_datagrams() {
    std::uint64_t lost = 0;
    mmsghdr messages[kBatch];
    iovec parts[kBatch];
    std::size_t sent = 0;
    bool reconnected = false;
    while (sent < batch.lines()) {
      const std::size_t count = std::min(kBatch, batch.lines() - sent);
      std::memset(messages, 0, count * sizeof messages[0]);
      for (std::size_t i = 0; i < count; ++i) {
        const std::string_view line = batch.line(sent + i);
        parts[i] = {const_cast<char*>(line.data()), line.size()};
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
  LogForm form;
  int fd = -1;
  LogBatch batch;
};

LogShipper::LogShipper(Loop& loop, std::vector<LogTarget> targets, std::string tag) {
  const LogSpeaker speaker{.tag = std::move(tag), .pid = ::getpid()};
  for (LogTarget& target : targets) {
    most_verbose_ = std::max(most_verbose_, target.level);
    longest_ = std::max(longest_, target.length);
    sinks_.push_back(std::make_unique<Sink>(std::move(target), speaker));
  }
  loop.at_turn_end([this] { flush(); });
}

LogShipper::~LogShipper() { flush(); }

WallTime LogShipper::now() {
  if (now_ == WallTime{}) now_ = wall_now();
  return now_;
}

void LogShipper::write(Severity severity, std::string_view text) {
  text = text.substr(0, longest_);
  if (char* at = begin_line(severity, text.size())) end_line(put_cleaned(at, text));
}

char* LogShipper::begin_line(Severity severity, std::size_t most) {
  if (!wants(severity)) return nullptr;
  severity_ = severity;
  first_ = 0;
  while (severity > sinks_[first_]->target.level) ++first_;
  return text_ = begin_in(*sinks_[first_], severity, most);
}

char* LogShipper::begin_in(Sink& sink, Severity severity, std::size_t most) {
  if (sink.batch.size() > kFlushBytes) dropped_ += sink.flush();
  return sink.form.begin(sink.batch.room(sink.form.overhead() + most), severity, now());
}

void LogShipper::end_line(char* end) {
  // Written once, in the first target's buffer, and copied from there before it is cut.
  const std::string_view text(text_, static_cast<std::size_t>(end - text_));
  for (std::size_t i = first_ + 1; i < sinks_.size(); ++i) {
    Sink& sink = *sinks_[i];
    if (severity_ > sink.target.level) continue;
    char* at = begin_in(sink, severity_, text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    sink.end_line(at + text.size());
  }
  sinks_[first_]->end_line(end);
}

void LogShipper::flush() {
  now_ = {};
  for (auto& sink : sinks_)
    if (!sink->batch.empty()) dropped_ += sink->flush();
}

}  // namespace hapair
