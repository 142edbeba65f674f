#include "proxy/runtime/prober.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace hapair::proxy {
namespace {

// Reads in a row before others get their turn, and the probe's time its chance to be over.
constexpr int kReadsPerTurn = 4;

}  // namespace

Prober::Prober(Loop& loop, std::unique_ptr<health::Conversation> conversation, OnDone on_done)
    : loop_(loop),
      conversation_(std::move(conversation)),
      on_done_(std::move(on_done)),
      timer_(loop, [this] { on_timer(); }),
      socket_(loop, *this) {}

void Prober::start(const SocketAddress& to, const Approach& approach, std::string_view preamble,
                   Duration timeout) {
  running_ = true;
  connected_ = false;
  began_ = loop_.now();
  preamble_ = preamble;
  const bool server_first = conversation_ && conversation_->server_talks_first() && preamble.empty();
  const int error_number = socket_.connect(
      to, approach, server_first ? ProbeSocket::First::Server : ProbeSocket::First::Us);
  if (error_number == 0) return timer_.arm(began_ + timeout);
  failed_ours_ = health::is_our_own(error_number);
  failed_ = failed_ours_ ? health::not_started(error_number) : health::connect_failed(error_number);
  timer_.arm(began_);
}

void Prober::cancel() {
  running_ = false;
  failed_.reset();
  timer_.disarm();
  socket_.close();
}

void Prober::on_timer() {
  if (failed_) return conclude(*std::exchange(failed_, std::nullopt), failed_ours_);
  conclude(connected_ && conversation_ ? conversation_->on_timeout() : health::connect_failed(ETIMEDOUT));
}

void Prober::on_ready(std::uint32_t events) {
  if (!socket_.in_use()) return;  // the end of the last probe's connection
  if (!connected_) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    if (events & (EPOLLERR | EPOLLHUP)) {
      int error_number = 0;
      socklen_t length = sizeof error_number;
      ::getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error_number, &length);
      return conclude(health::connect_failed(error_number != 0 ? error_number : ECONNRESET));
    }
    on_connected();
    if (!socket_.in_use()) return;
  }
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) read();
}

void Prober::on_connected() {
  connected_ = true;
  if (!conversation_) return conclude(health::connect_passed());
  const health::Conversation::Turn turn = conversation_->begin();
  if (preamble_.empty()) return follow(turn);
  // In one piece with what follows.
  preamble_.append(turn.send);
  follow({.send = preamble_, .verdict = turn.verdict});
}

void Prober::follow(const health::Conversation::Turn& turn) {
  const int error_number = turn.send.empty() ? 0 : send(turn.send);
  if (turn.verdict) return conclude(*turn.verdict);  // whether or not farewells arrive
  if (error_number != 0) conclude(conversation_->on_end(error_number));
}

int Prober::send(std::string_view bytes) {
  // A connection that carries little takes a probe's few bytes whole.
  const ssize_t sent = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(bytes.size())) return 0;
  return sent < 0 ? errno : ENOBUFS;
}

void Prober::read() {
  char bytes[4096];
  for (int reads = 0; socket_.in_use(); ++reads) {
    if (reads == kReadsPerTurn) return loop_.resume(*this, EPOLLIN);
    const ssize_t got = ::recv(socket_.fd(), bytes, sizeof bytes, 0);
    if (got > 0) {
      follow(conversation_->on_bytes({bytes, static_cast<std::size_t>(got)}));
    } else if (got == 0) {
      return conclude(conversation_->on_end(0));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      return conclude(conversation_->on_end(errno));
    }
  }
}

void Prober::conclude(health::ProbeResult result, bool ours) {
  if (!running_) return;
  running_ = false;
  timer_.disarm();
  loop_.cancel_resume(*this);
  // Where farewells were sent the reset may overtake them; the server has them or does not care.
  result.passed() && socket_.in_use() ? socket_.end_good() : socket_.close();
  // Of the server's own words, what a line of the log is for.
  if (constexpr std::size_t longest = 512; result.info.size() > longest) result.info.resize(longest);
  result.duration = loop_.refresh() - began_;
  on_done_(std::move(result), ours);
}

}  // namespace hapair::proxy
