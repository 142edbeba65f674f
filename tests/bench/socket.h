// Sockets and epoll as the bench's programs use them: a failure ends the program and says where.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace bench {

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(2);
}

inline int check(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

inline std::int64_t nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// "127.0.0.1:80". `offset` is added to the port.
inline sockaddr_in address_of(const std::string& text, unsigned offset = 0) {
  const auto colon = text.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1) {
    errno = EINVAL;
    die(text);
  }
  address.sin_port = htons(
      static_cast<std::uint16_t>(std::strtoul(text.c_str() + colon + 1, nullptr, 10) + offset));
  return address;
}

inline void set_option(int fd, int level, int option, int value) {
  check(::setsockopt(fd, level, option, &value, sizeof value), "setsockopt");
}

inline int stream_socket() {
  const int fd = check(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);  // accepted sockets inherit it
  return fd;
}

inline int listen_on(const sockaddr_in& address) {
  const int fd = stream_socket();
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  check(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(::listen(fd, 20'000), "listen");
  return fd;
}

inline int accept_on(int listener) {
  return ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// Begins to connect; what comes of it shows when the socket is used. -1 and errno if it failed.
inline int connect_to(const sockaddr_in& address) {
  const int fd = stream_socket();
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EINPROGRESS)
    return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

inline bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

class Epoll {
 public:
  Epoll() : fd_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}
  void add(int fd, std::uint32_t events, void* owner) { control(EPOLL_CTL_ADD, fd, events, owner); }
  void change(int fd, std::uint32_t events, void* owner) {
    control(EPOLL_CTL_MOD, fd, events, owner);
  }
  /// Waits at most `timeout` nanoseconds; negative: for ever.
  int wait(epoll_event* events, int room, std::int64_t timeout = -1) {
    const timespec limit{timeout / 1'000'000'000, timeout % 1'000'000'000};
    const int count = ::epoll_pwait2(fd_, events, room, timeout < 0 ? nullptr : &limit, nullptr);
    if (count < 0 && errno != EINTR) die("epoll_pwait2");
    return count < 0 ? 0 : count;
  }

 private:
  void control(int operation, int fd, std::uint32_t events, void* owner) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = owner;
    check(::epoll_ctl(fd_, operation, fd, &event), "epoll_ctl");
  }
  int fd_;
};

}  // namespace bench
