// The syslog target: counts the datagrams each port gets, and forgets them.
//
//   bench_sink ADDRESS:PORT…
//
// A datagram "?" is answered with the count of its port, and is not counted.
#include <memory>
#include <string>
#include <vector>

#include "socket.h"

namespace bench {
namespace {

struct Target {
  int fd = -1;
  std::uint64_t lines = 0;
};

void receive_all(Target& target) {
  constexpr unsigned kBatch = 64;
  static char bytes[kBatch][2048];
  static sockaddr_in senders[kBatch];
  for (;;) {
    mmsghdr messages[kBatch]{};
    iovec parts[kBatch];
    for (unsigned i = 0; i < kBatch; ++i) {
      parts[i] = {bytes[i], sizeof bytes[i]};
      messages[i].msg_hdr = {.msg_name = &senders[i], .msg_namelen = sizeof senders[i],
                             .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = nullptr,
                             .msg_controllen = 0, .msg_flags = 0};
    }
    const int count = ::recvmmsg(target.fd, messages, kBatch, MSG_DONTWAIT, nullptr);
    if (count <= 0) return;
    for (int i = 0; i < count; ++i) {
      if (messages[i].msg_len == 1 && bytes[i][0] == '?') {
        const std::string answer = std::to_string(target.lines);
        ::sendto(target.fd, answer.data(), answer.size(), 0,
                 reinterpret_cast<sockaddr*>(&senders[i]), sizeof senders[i]);
      } else {
        ++target.lines;
      }
    }
  }
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) {
  using namespace bench;
  Epoll epoll;
  for (int i = 1; i < count; ++i) {
    auto* target = new Target{.fd = check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")};
    // A full buffer would lose lines and make the sender look cheap.
    set_option(target->fd, SOL_SOCKET, SO_RCVBUFFORCE, 256 * 1024 * 1024);
    const sockaddr_in address = address_of(arguments[i]);
    check(::bind(target->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    epoll.add(target->fd, EPOLLIN, target);
  }
  std::puts("ready");
  std::fflush(stdout);
  for (epoll_event events[16];;) {
    const int ready = epoll.wait(events, 16);
    for (int i = 0; i < ready; ++i) receive_all(*static_cast<Target*>(events[i].data.ptr));
  }
}
