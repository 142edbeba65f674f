// The floor: moves bytes between a client and a server without looking at them.
//
//   bench_relay LISTEN SERVER [--splice] [--reuse]
//
// Level-triggered epoll, 64 KiB reads into one buffer, or pipes of 256 KiB (--splice). An idle pair
// holds neither. --reuse keeps the server's connection when the client closes, for the next client:
// right only while clients close with no response outstanding, which is what the bench's do.
#include <fcntl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"

namespace bench {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
constexpr int kPipe = 256 * 1024;

struct Pipe {
  int out = -1;
  int in = -1;
};

/// One socket of a pair; what it received and its partner has not taken stays here.
struct Side {
  int fd = -1;
  bool is_client = false;
  bool ended = false;           // received everything it will
  std::uint32_t interest = EPOLLIN;
  Side* partner = nullptr;
  std::size_t in_pipe = 0;
  Pipe pipe;
  std::unique_ptr<std::string> rest;
};

struct Options {
  sockaddr_in server{};
  bool splice = false;
  bool reuse = false;
};

class Relay {
 public:
  Relay(int listener, Options options) : listener_(listener), options_(options) {
    epoll_.add(listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    std::vector<epoll_event> events(256);
    for (;;) {
      const int count = epoll_.wait(events.data(), static_cast<int>(events.size()));
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto* side = static_cast<Side*>(event.data.ptr);
        if (!side)
          accept_all();
        else if (side->fd >= 0)
          on_event(*side, event.events);
      }
      for (Side* side : dead_) delete side;
      dead_.clear();
    }
  }

 private:
  void accept_all() {
    for (int fd; (fd = accept_on(listener_)) >= 0;) {
      auto* client = new Side{.fd = fd, .is_client = true};
      Side* server = server_for(client);
      if (!server) {
        ::close(fd);
        delete client;
        continue;
      }
      client->partner = server;
      epoll_.add(fd, EPOLLIN, client);
    }
  }

  Side* server_for(Side* client) {
    if (!idle_.empty()) {
      Side* server = idle_.back();
      idle_.pop_back();
      server->partner = client;
      return server;
    }
    const int fd = connect_to(options_.server);
    if (fd < 0) return nullptr;
    auto* server = new Side{.fd = fd, .partner = client};
    epoll_.add(fd, EPOLLIN, server);
    return server;
  }

  void on_event(Side& side, std::uint32_t events) {
    if (!side.partner) {  // an idle server's connection: it can only have closed
      std::erase(idle_, &side);
      return close_side(side);
    }
    if ((events & EPOLLOUT) && !send_kept(*side.partner)) return close_pair(side);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      if (!(options_.splice ? splice(side) : copy(side))) return close_pair(side);
      if (side.ended) return on_end(side);
    }
    watch(side);
    watch(*side.partner);
  }

  /// The first to end ends both: the bench's clients and servers never close half.
  void on_end(Side& side) {
    if (holds(side)) return watch(side), watch(*side.partner);
    if (options_.reuse && side.is_client) {
      Side& server = *side.partner;
      server.partner = nullptr;
      idle_.push_back(&server);
      return close_side(side);
    }
    close_pair(side);
  }

  static bool holds(const Side& side) { return side.in_pipe > 0 || side.rest; }

  void watch(Side& side) {
    const bool read = !side.ended && !holds(side);
    const std::uint32_t interest =
        (read ? std::uint32_t{EPOLLIN} : 0U) | (holds(*side.partner) ? std::uint32_t{EPOLLOUT} : 0U);
    if (interest == side.interest) return;
    side.interest = interest;
    epoll_.change(side.fd, interest, &side);
  }

  bool copy(Side& side) {
    const ssize_t size = ::recv(side.fd, buffer_, sizeof buffer_, 0);
    if (size < 0) return would_block();
    if (size == 0) return side.ended = true;
    ssize_t sent = ::send(side.partner->fd, buffer_, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0) {
      if (!would_block()) return false;
      sent = 0;
    }
    if (sent < size)
      side.rest = std::make_unique<std::string>(buffer_ + sent, static_cast<std::size_t>(size - sent));
    return true;
  }

  bool splice(Side& side) {
    if (side.pipe.in < 0) side.pipe = take_pipe();
    const ssize_t size =
        ::splice(side.fd, nullptr, side.pipe.in, nullptr, kPipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (size < 0 && !would_block()) return false;
    if (size == 0) side.ended = true;
    if (size > 0) side.in_pipe += static_cast<std::size_t>(size);
    return drain(side);
  }

  bool drain(Side& side) {
    while (side.in_pipe > 0) {
      const ssize_t sent = ::splice(side.pipe.out, nullptr, side.partner->fd, nullptr, side.in_pipe,
                                    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      if (sent < 0) return would_block();
      side.in_pipe -= static_cast<std::size_t>(sent);
    }
    give_back(side);
    return true;
  }

  bool send_kept(Side& side) {
    if (side.in_pipe > 0 && !drain(side)) return false;
    if (side.rest) {
      const ssize_t sent =
          ::send(side.partner->fd, side.rest->data(), side.rest->size(), MSG_NOSIGNAL);
      if (sent < 0) return would_block();
      side.rest->erase(0, static_cast<std::size_t>(sent));
      if (side.rest->empty()) side.rest.reset();
    }
    return !(side.ended && !holds(side));  // all that came has been passed on
  }

  Pipe take_pipe() {
    if (!pipes_.empty()) {
      const Pipe pipe = pipes_.back();
      pipes_.pop_back();
      return pipe;
    }
    int ends[2];
    check(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), "pipe2");
    check(::fcntl(ends[1], F_SETPIPE_SZ, kPipe), "F_SETPIPE_SZ");
    return {ends[0], ends[1]};
  }

  void give_back(Side& side) {
    if (side.pipe.in < 0) return;
    pipes_.push_back(side.pipe);
    side.pipe = {};
  }

  void close_pair(Side& side) {
    Side& partner = *side.partner;
    close_side(partner);
    close_side(side);
  }

  void close_side(Side& side) {
    if (side.pipe.in >= 0) {  // it may hold bytes: not for the next one
      ::close(side.pipe.in);
      ::close(side.pipe.out);
    }
    ::close(side.fd);
    side.fd = -1;
    dead_.push_back(&side);
  }

  Epoll epoll_;
  int listener_;
  Options options_;
  std::vector<Side*> idle_;
  std::vector<Side*> dead_;
  std::vector<Pipe> pipes_;
  char buffer_[kBuffer];
};

}  // namespace
}  // namespace bench

int main(int count, char** arguments) {
  if (count < 3) {
    std::fputs("usage: bench_relay LISTEN SERVER [--splice] [--reuse]\n", stderr);
    return 2;
  }
  bench::Options options{.server = bench::address_of(arguments[2])};
  for (int i = 3; i < count; ++i) {
    const std::string_view option = arguments[i];
    options.splice |= option == "--splice";
    options.reuse |= option == "--reuse";
  }
  const int listener = bench::listen_on(bench::address_of(arguments[1]));
  std::puts("ready");
  std::fflush(stdout);
  std::make_unique<bench::Relay>(listener, options)->run();
}
