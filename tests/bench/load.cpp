// The clients: asks a proxy for a path, checks every answer, and prints what happened as JSON.
//
//   bench_load MODE ADDRESS:PORT [--path /bytes/1024] [--clients N] [--seconds S | --requests N]
//              [--rate N] [--close]
//
// keepalive  N clients, each one request after another on one connection
// connect    N clients, each request on a connection of its own; the client closes after the answer,
//            or with --close asks for it and waits for the end
// open       --rate requests a second at fixed times whatever the answers do, over N connections; latency
//            counts from the time a request was due, so one that had to wait is not forgiven
//            SIGTERM ends it early: those still waiting are not sent
// hold       opens N connections, one request on each, says "held", keeps them until its standard
//            input ends, and tells how many were lost
//
// An answer is right when it is "HTTP/1.1 200", says the length the path asks for and has it; small
// bodies are compared. A request that is not answered in ten seconds ends the program.
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "socket.h"

namespace bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSilence = 10 * kSecond;
constexpr std::size_t kCompared = 64 * 1024;  // longer bodies are counted, not copied

struct Options {
  std::string mode;
  sockaddr_in server{};
  std::string path = "/bytes/1024";
  unsigned clients = 64;
  std::int64_t duration = kSecond;
  std::uint64_t requests = 0;  // 0: until the time is up
  std::uint64_t rate = 1000;
  bool close = false;
};

struct Client {
  int fd = -1;
  bool connected = false;  // its socket is in the epoll set
  bool busy = false;
  bool in_body = false;
  bool ending = false;        // answered, and the proxy is to close
  std::uint64_t missing = 0;  // bytes of a long body still to come
  std::int64_t due = 0;       // when this request should have been sent
  std::string input;          // an answer that is not complete
};

volatile std::sig_atomic_t enough = 0;  // SIGTERM: an open loop sends no more, and tells

enum class Answer { Incomplete, Complete, Wrong };

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)) {
    length_ = std::strtoull(options_.path.substr(options_.path.rfind('/') + 1).c_str(), nullptr, 10);
    compared_ = length_ <= kCompared;
    for (std::size_t i = 0; compared_ && i < length_; ++i)
      body_ += static_cast<char>('a' + i % 26);
    request_ = "GET " + options_.path +
               " HTTP/1.1\r\n"
               "Host: www.example.com\r\n"
               "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
               "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
               "Accept-Language: en\r\n" +
               (options_.close ? "Connection: close\r\n\r\n" : "\r\n");
    fresh_ = options_.mode == "connect";
    clients_.resize(options_.clients);
  }

  int run() {
    begun_ = nanoseconds();
    if (options_.mode == "hold")
      hold();
    else if (options_.mode == "open")
      run_open();
    else
      run_closed();
    print();
    return 0;
  }

 private:
  /// Every client sends its next request when its last one is answered.
  void run_closed() {
    deadline_ = begun_ + options_.duration;
    for (Client& client : clients_) next(client, nanoseconds());
    while (outstanding_ > 0) handle_events(kSilence);
  }

  void next(Client& client, std::int64_t now) {
    if (options_.requests ? sent_ < options_.requests : now < deadline_) send(client, now);
  }

  void run_open() {
    for (Client& client : clients_) free_.push_back(&client);
    const std::int64_t interval = kSecond / static_cast<std::int64_t>(options_.rate);
    std::int64_t total = options_.duration / interval;
    for (std::int64_t scheduled = 0; scheduled < total || outstanding_ > 0 || !waiting_.empty();) {
      if (enough && scheduled < total) {
        total = scheduled;
        waiting_.clear();
        continue;
      }
      const std::int64_t now = nanoseconds();
      for (; scheduled < total && begun_ + scheduled * interval <= now; ++scheduled)
        waiting_.push_back(begun_ + scheduled * interval);
      for (; !waiting_.empty() && !free_.empty(); waiting_.pop_front()) {
        Client& client = *free_.back();
        free_.pop_back();
        send(client, waiting_.front());
      }
      const std::int64_t due = begun_ + scheduled * interval;
      handle_events(scheduled < total ? std::max<std::int64_t>(due - nanoseconds(), 0) : kSilence);
    }
  }

  void hold() {
    constexpr unsigned kAtOnce = 100;
    options_.requests = options_.clients;
    for (Client& client : clients_) {
      while (outstanding_ >= kAtOnce) handle_events(kSilence);
      send(client, nanoseconds());
    }
    while (outstanding_ > 0) handle_events(kSilence);
    std::puts("held");
    std::fflush(stdout);
    for (char byte; ::read(STDIN_FILENO, &byte, 1) > 0;) continue;
    handle_events(0);  // those the proxy has closed meanwhile are counted as errors
    while (epoll_events_ == static_cast<int>(events_.size())) handle_events(0);
  }

  void send(Client& client, std::int64_t due) {
    ++sent_;
    client.due = due;
    if (client.fd < 0) {
      client.fd = connect_to(options_.server);
      if (client.fd < 0) return fail(client, "connect");
      client.connected = false;
    }
    client.busy = true;
    ++outstanding_;
    const ssize_t size = ::send(client.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
    // Over the loopback a connection is made, or refused, within connect(); a full backlog is not.
    const bool later = size < 0 && would_block() && !client.connected;
    if (size != static_cast<ssize_t>(request_.size()) && !later) return fail(client, "send");
    if (!client.connected) epoll_.add(client.fd, later ? std::uint32_t{EPOLLOUT} : std::uint32_t{EPOLLIN}, &client);
    client.connected = !later;
  }

  void handle_events(std::int64_t timeout) {
    epoll_events_ = epoll_.wait(events_.data(), static_cast<int>(events_.size()), timeout);
    if (epoll_events_ == 0 && timeout == kSilence) {
      std::fprintf(stderr, "%u requests are not answered\n", outstanding_);
      std::exit(3);
    }
    const std::int64_t now = nanoseconds();
    for (int i = 0; i < epoll_events_; ++i) {
      Client& client = *static_cast<Client*>(events_[static_cast<std::size_t>(i)].data.ptr);
      if (client.fd < 0) continue;
      if (!client.connected)
        on_connected(client);
      else
        on_readable(client, now);
    }
  }

  void on_connected(Client& client) {
    const ssize_t size = ::send(client.fd, request_.data(), request_.size(), MSG_NOSIGNAL);
    if (size != static_cast<ssize_t>(request_.size())) return fail(client, "connect");
    client.connected = true;
    epoll_.change(client.fd, EPOLLIN, &client);
  }

  void on_readable(Client& client, std::int64_t now) {
    if (client.in_body) return on_body(client, now);
    const ssize_t size = ::recv(client.fd, buffer_, compared_ ? sizeof buffer_ : 4096, 0);
    if (size < 0 && would_block()) return;
    if (size == 0 && client.ending) return on_answer(client, now);
    if (size <= 0 || !client.busy || client.ending) return fail(client, size < 0 ? "receive" : "closed");
    std::string_view input(buffer_, static_cast<std::size_t>(size));
    if (!client.input.empty()) input = client.input.append(input);
    switch (read_answer(client, input)) {
      case Answer::Incomplete:
        if (!client.in_body && client.input.empty()) client.input = input;
        return;
      case Answer::Wrong: return fail(client, "wrong answer");
      case Answer::Complete: return on_answer(client, now);
    }
  }

  Answer read_answer(Client& client, std::string_view input) {
    const auto end = input.find("\r\n\r\n");
    if (end == input.npos) return Answer::Incomplete;
    const std::string_view head = input.substr(0, end + 2);
    const std::string_view body = input.substr(end + 4);
    if (!head.starts_with("HTTP/1.1 200 ")) return Answer::Wrong;
    auto field = head.find("\nContent-Length: ");
    if (field == head.npos) field = head.find("\ncontent-length: ");
    if (field == head.npos ||
        std::strtoull(head.data() + field + 17, nullptr, 10) != length_ || body.size() > length_)
      return Answer::Wrong;
    if (compared_) {
      if (body.size() < length_) return Answer::Incomplete;
      return body == body_ ? Answer::Complete : Answer::Wrong;
    }
    client.missing = length_ - body.size();
    client.in_body = client.missing > 0;
    return client.in_body ? Answer::Incomplete : Answer::Complete;
  }

  /// MSG_TRUNC: the kernel counts and drops the bytes, so that the client does not cost a copy.
  void on_body(Client& client, std::int64_t now) {
    const ssize_t size = ::recv(client.fd, buffer_, std::min<std::uint64_t>(client.missing, 1 << 20),
                                MSG_TRUNC);
    if (size < 0 && would_block()) return;
    if (size <= 0) return fail(client, "body cut short");
    client.missing -= static_cast<std::uint64_t>(size);
    if (client.missing > 0) return;
    client.in_body = false;
    on_answer(client, now);
  }

  void on_answer(Client& client, std::int64_t now) {
    client.input.clear();
    if (options_.close && !client.ending) {
      client.ending = true;
      return;
    }
    client.ending = false;
    client.busy = false;
    --outstanding_;
    ++answered_;
    latencies_.push_back(now - client.due);
    if (options_.mode == "hold") return;
    if (fresh_) disconnect(client);
    if (options_.mode == "open")
      free_.push_back(&client);
    else
      next(client, now);
  }

  void disconnect(Client& client) {
    ::close(client.fd);
    client.fd = -1;
    client.connected = false;
  }

  void fail(Client& client, const char* what) {
    ++errors_;
    if (first_error_.empty()) first_error_ = what;
    if (client.busy) --outstanding_;
    client.busy = client.in_body = client.ending = false;
    client.input.clear();
    if (client.fd >= 0) disconnect(client);
    if (options_.mode == "open" && std::find(free_.begin(), free_.end(), &client) == free_.end())
      free_.push_back(&client);
    if (errors_ > 1000) {
      print();
      std::exit(3);
    }
    if (options_.mode == "keepalive" || options_.mode == "connect") next(client, nanoseconds());
  }

  void print() {
    const double seconds = static_cast<double>(nanoseconds() - begun_) / kSecond;
    std::sort(latencies_.begin(), latencies_.end());
    const auto percentile = [this](double share) {
      if (latencies_.empty()) return 0.0;
      const auto last = static_cast<double>(latencies_.size() - 1);
      return static_cast<double>(latencies_[static_cast<std::size_t>(last * share)]) / 1000;
    };
    std::printf(
        "{\"answered\": %llu, \"errors\": %llu, \"first_error\": \"%s\", \"seconds\": %.3f, "
        "\"bytes\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
        static_cast<unsigned long long>(answered_), static_cast<unsigned long long>(errors_),
        first_error_.c_str(), seconds, static_cast<unsigned long long>(answered_ * length_),
        percentile(0.5), percentile(0.99), percentile(0.999));
    std::fflush(stdout);
  }

  Options options_;
  Epoll epoll_;
  std::string request_;
  std::string body_;
  std::uint64_t length_ = 0;
  bool compared_ = true;
  bool fresh_ = false;  // a connection for each request
  std::vector<Client> clients_;
  std::vector<Client*> free_;
  std::deque<std::int64_t> waiting_;
  std::vector<std::int64_t> latencies_;
  std::int64_t begun_ = 0;
  std::int64_t deadline_ = 0;
  unsigned outstanding_ = 0;
  int epoll_events_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t errors_ = 0;
  std::string first_error_;
  std::vector<epoll_event> events_ = std::vector<epoll_event>(512);
  char buffer_[128 * 1024];
};

Options options_of(int count, char** arguments) {
  if (count < 3) {
    std::fputs("usage: bench_load MODE ADDRESS:PORT [OPTION VALUE]…\n", stderr);
    std::exit(2);
  }
  Options options{.mode = arguments[1], .server = address_of(arguments[2])};
  for (int i = 3; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--close") {
      options.close = true;
      continue;
    }
    const std::string value = ++i < count ? arguments[i] : "";
    if (name == "--path")
      options.path = value;
    else if (name == "--clients")
      options.clients = static_cast<unsigned>(std::stoul(value));
    else if (name == "--seconds")
      options.duration = static_cast<std::int64_t>(std::stod(value) * kSecond);
    else if (name == "--requests")
      options.requests = std::stoull(value);
    else if (name == "--rate")
      options.rate = std::stoull(value);
    else {
      std::fprintf(stderr, "%s: no such option\n", arguments[i - 1]);
      std::exit(2);
    }
  }
  return options;
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) {
  std::signal(SIGTERM, [](int) { bench::enough = 1; });
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // the open loop's requests leave when they are due
  return std::make_unique<bench::Load>(bench::options_of(count, arguments))->run();
}
