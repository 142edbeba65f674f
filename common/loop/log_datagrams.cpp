#include "common/loop/log_datagrams.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/loop/log_address.h"

namespace hapair {
namespace {

constexpr std::size_t kBatch = 64;  // datagrams a system call

}  // namespace

LogDatagrams::LogDatagrams(const LogTarget& where, const LogSpeaker& speaker)
    : LogSink(where, speaker) {
  const int family = target.transport != LogTarget::Transport::Udp ? AF_UNIX
                     : target.address.ip.is_v4()                   ? AF_INET
                                                                   : AF_INET6;
  fd_ = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  connect();
}

LogDatagrams::~LogDatagrams() {
  if (fd_ >= 0) ::close(fd_);
}

// Unix sockets come and go with the syslog daemon, so a failed send connects again.
bool LogDatagrams::connect() {
  sockaddr_storage address{};
  const socklen_t length = log_address(target, address);
  return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0;
}

LogSink::Outcome LogDatagrams::flush() {
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
    const int done = ::sendmmsg(fd_, messages, static_cast<unsigned>(count), MSG_NOSIGNAL);
    if (done > 0) {
      sent += static_cast<std::size_t>(done);
      continue;
    }
    if (errno == EINTR) continue;
    // A UDP socket reports here that an earlier datagram met a closed port: that one is lost, this
    // one may still go. Anything else loses the line rather than block.
    if (errno == ECONNREFUSED && !reconnected) {
      reconnected = true;
      if (target.transport == LogTarget::Transport::Udp) {
        ++lost;
        continue;
      }
      if (connect()) continue;
    }
    // A target that could not be reached when we started, or a syslog daemon that came back.
    if (!reconnected && errno != EAGAIN && errno != ECONNREFUSED) {
      reconnected = true;
      if (connect()) continue;
    }
    ++lost;
    ++sent;
  }
  const bool taken = lost == 0 && !batch.empty();
  batch.clear();
  return {lost, taken};
}

}  // namespace hapair
