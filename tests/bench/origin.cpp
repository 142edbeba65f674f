// The server behind the proxies: answers HTTP/1.1 GETs with bodies of the length the path asks for.
//
//   bench_origin ADDRESS:PORT[+COUNT]…
//
// GET /bytes/N    N bytes, keep-alive unless the request says close; any other path: 1024 bytes
// GET /counters   "ACCEPTED REQUESTS" since the start
// COUNT ports from PORT on are listened to, so one process is a thousand servers.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"

namespace bench {
namespace {

constexpr std::size_t kSmall = 1024;
constexpr std::size_t kChunk = 256 * 1024;

std::string body_of(std::size_t length) {
  std::string body(length, ' ');
  for (std::size_t i = 0; i < length; ++i) body[i] = static_cast<char>('a' + i % 26);
  return body;
}

std::string head_of(std::size_t length, bool close) {
  return "HTTP/1.1 200 OK\r\n"
         "Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
         "Server: Apache/2.4.62 (Debian)\r\n"
         "Last-Modified: Mon, 02 Nov 2026 08:15:30 GMT\r\n"
         "ETag: \"400-5f4c2a9b1d3c0\"\r\n"
         "Content-Length: " +
         std::to_string(length) + "\r\nContent-Type: text/html\r\n" +
         (close ? "Connection: close\r\n\r\n" : "\r\n");
}

struct Peer {
  int fd = -1;
  bool listens = false;
  bool close = false;     // after this response
  bool writing = false;   // epoll watches for room
  std::uint64_t body = 0;  // bytes of the body still to be sent, from kChunk's pattern
  std::string head;       // not yet sent, or a part of a request
  std::string input;      // a request that is not complete
};

class Origin {
 public:
  void listen(const sockaddr_in& address) {
    auto* peer = new Peer{.fd = listen_on(address), .listens = true};
    epoll_.add(peer->fd, EPOLLIN, peer);
  }

  [[noreturn]] void run() {
    std::vector<epoll_event> events(1024);
    for (;;) {
      const int count = epoll_.wait(events.data(), static_cast<int>(events.size()));
      for (int i = 0; i < count; ++i) {
        auto* peer = static_cast<Peer*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (peer->listens)
          accept_all(*peer);
        else if (!(peer->writing ? send_rest(*peer) : receive(*peer)))
          end(peer);
      }
    }
  }

 private:
  void accept_all(const Peer& listener) {
    for (int fd; (fd = accept_on(listener.fd)) >= 0; ++accepted_)
      epoll_.add(fd, EPOLLIN, new Peer{.fd = fd});
  }

  void end(Peer* peer) {
    ::close(peer->fd);
    delete peer;
  }

  /// False: the connection is to be closed. Nothing is received before the last response has left.
  bool receive(Peer& peer) {
    const ssize_t size = ::recv(peer.fd, buffer_, sizeof buffer_, 0);
    if (size < 0) return would_block();
    if (size == 0) return false;
    std::string_view input(buffer_, static_cast<std::size_t>(size));
    if (!peer.input.empty()) input = peer.input.append(input);
    std::size_t used = 0;
    for (;;) {
      const auto end = input.find("\r\n\r\n", used);
      if (end == input.npos) break;
      const bool more = answer(peer, input.substr(used, end + 4 - used));
      used = end + 4;
      if (!more) return false;
      if (peer.writing) break;  // a request behind a large body waits in `input`
    }
    peer.input = std::string(input.substr(used));
    return true;
  }

  bool answer(Peer& peer, std::string_view request) {
    ++requests_;
    const auto target = request.find(' ');
    const auto path = request.substr(std::min(target + 1, request.size()));
    peer.close = request.find("onnection: close") != request.npos ||
                 (request.find("HTTP/1.0\r\n") != request.npos &&
                  request.find("eep-") == request.npos);  // nginx and checks speak 1.0
    if (path.starts_with("/counters ")) {
      const std::string text = std::to_string(accepted_) + " " + std::to_string(requests_);
      peer.head = head_of(text.size(), true) + text;
      peer.close = true;
      return send_rest(peer);
    }
    if (!path.starts_with("/bytes/")) {
      const std::string& whole = peer.close ? small_close_ : small_;
      const ssize_t sent = ::send(peer.fd, whole.data(), whole.size(), MSG_NOSIGNAL);
      if (sent == static_cast<ssize_t>(whole.size())) return !peer.close;
      if (sent < 0 && !would_block()) return false;
      peer.head = whole.substr(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
      return send_rest(peer);
    }
    peer.body = std::strtoull(path.data() + 7, nullptr, 10);
    peer.head = head_of(peer.body, peer.close);
    return send_rest(peer);
  }

  /// One chunk of a large body, then others have their turn: else a proxy that takes quickly would
  /// keep small requests waiting here.
  bool send_rest(Peer& peer) {
    for (bool chunk_sent = false; !peer.head.empty() || peer.body > 0;) {
      if (chunk_sent) return await_room(peer);
      const bool head = !peer.head.empty();
      const ssize_t sent =
          head ? ::send(peer.fd, peer.head.data(), peer.head.size(),
                        MSG_NOSIGNAL | (peer.body > 0 ? MSG_MORE : 0))
               : ::send(peer.fd, chunk_.data(), std::min<std::uint64_t>(chunk_.size(), peer.body),
                        MSG_NOSIGNAL);
      if (sent < 0) {
        if (!would_block()) return false;
        return await_room(peer);
      }
      if (head) {
        peer.head.erase(0, static_cast<std::size_t>(sent));
      } else {
        peer.body -= static_cast<std::uint64_t>(sent);
        chunk_sent = true;
      }
    }
    if (peer.writing) epoll_.change(peer.fd, EPOLLIN, &peer);
    peer.writing = false;
    return !peer.close;
  }

  bool await_room(Peer& peer) {
    if (!peer.writing) epoll_.change(peer.fd, EPOLLOUT, &peer);
    peer.writing = true;
    return true;
  }

  Epoll epoll_;
  std::uint64_t accepted_ = 0;
  std::uint64_t requests_ = 0;
  const std::string small_ = head_of(kSmall, false) + body_of(kSmall);
  const std::string small_close_ = head_of(kSmall, true) + body_of(kSmall);
  const std::string chunk_ = body_of(kChunk);
  char buffer_[64 * 1024];
};

}  // namespace
}  // namespace bench

int main(int count, char** arguments) {
  auto origin = std::make_unique<bench::Origin>();
  for (int i = 1; i < count; ++i) {
    const std::string text = arguments[i];
    const auto plus = text.find('+');
    const unsigned ports =
        plus == text.npos ? 1 : static_cast<unsigned>(std::stoul(text.substr(plus + 1)));
    for (unsigned port = 0; port < ports; ++port)
      origin->listen(bench::address_of(text.substr(0, plus), port));
  }
  std::puts("ready");
  std::fflush(stdout);
  origin->run();
}
