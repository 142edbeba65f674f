#include "proxy/runtime/response_relay.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/runtime/worker.h"

namespace hapair::proxy {
namespace {

// Content up to this size is copied behind its head: one piece is cheaper to send than two.
constexpr std::size_t kCopiedContent = 4 * 1024;
// A server that answers with more interim responses than this never means to answer.
constexpr unsigned kMaxInterim = 64;
// Reads in a row before others get their turn.
constexpr int kReadsPerTurn = 4;
// Content of which more than this is still to come is moved by the kernel. Below, the two calls
// that a splice takes cost more than the copy they save.
constexpr std::uint64_t kSplicedContent = 64 * 1024;
// What is written of a response in one piece: its head, what a cookie changes of it and adds, and
// content that is copied behind it, framed anew.
static_assert(kMaxHead + http::FieldCuts::kMost * (kLongestServerCookie + 1) +
                  sizeof(exchange::Reminder::lines) + http::kEncoderRoom + http::kChunkHeaderRoom +
                  kCopiedContent <=
              Worker::kScratch);

}  // namespace

ResponseRelay::ResponseRelay(Worker& worker, ResponsePlanner& planner,
                             exchange::AccessRecord& record)
    : worker_(worker), planner_(planner), record_(record) {}

void ResponseRelay::begin() {
  state_ = State::Head;
  may_splice_ = true;
  interim_ = 0;
  partial_size_ = 0;
  plan_ = {};
  body_ = {};
}

ResponseRelay::Outcome ResponseRelay::pump(ServerConnection& server, StreamSocket& client) {
  StreamSocket& source = server.socket();
  for (int reads = 0; !client.has_output() && source.is_readable(); ++reads) {
    if (reads == kReadsPerTurn) {
      worker_.loop().resume(server, EPOLLIN);
      break;
    }
    Outcome outcome;
    if (may_splice_ && state_ == State::Body && body_.plain_remaining() >= kSplicedContent) {
      outcome = splice(source, client);
    } else {
      char* data = worker_.scratch();
      std::size_t capacity = Worker::kScratch, before = 0;
      if (partial_) {
        data = partial_.get();
        before = partial_size_;
        capacity = kHeadBuffer - before;
      }
      const auto read = source.read(data + before, capacity);
      if (read.kind == StreamSocket::Read::Nothing) break;
      if (read.kind != StreamSocket::Read::Bytes)
        return on_end(read.kind == StreamSocket::Read::Failed);
      outcome = take(data, before + read.size, client);
    }
    if (outcome != Outcome::Going) return outcome;
  }
  return Outcome::Going;
}

ResponseRelay::Outcome ResponseRelay::splice(StreamSocket& server, StreamSocket& client) {
  bool client_broken = false;
  const auto most = static_cast<std::size_t>(
      std::min<std::uint64_t>(body_.plain_remaining(), SplicePipe::kSize));
  const auto moved = client.splice_from(server, most, client_broken);
  switch (moved.kind) {
    case StreamSocket::Read::NoPipe: may_splice_ = false; return Outcome::Going;
    case StreamSocket::Read::Nothing: return Outcome::Going;
    case StreamSocket::Read::End: return on_end(false);
    case StreamSocket::Read::Failed: return on_end(true);
    case StreamSocket::Read::Bytes: break;
  }
  body_.skip(moved.size);
  record_.bytes_out += moved.size;
  if (client_broken) return Outcome::ClientBroken;
  return body_.done() ? Outcome::Complete : Outcome::Going;
}

/// The server's connection is over. For some responses that is how they end.
ResponseRelay::Outcome ResponseRelay::on_end(bool failed) const {
  if (failed) return Outcome::Ended;
  if (state_ == State::Tunnel) return Outcome::HalfClosed;
  return state_ == State::Body && body_.until_close() ? Outcome::Complete : Outcome::Ended;
}

/// The head stays in a buffer of its own until the rest of it is here.
void ResponseRelay::keep_partial(const char* data, std::size_t size) {
  if (!partial_) partial_ = worker_.buffers().take_head();
  std::memmove(partial_.get(), data, size);
  partial_size_ = size;
}

void ResponseRelay::release() {
  if (partial_) worker_.buffers().give(std::move(partial_));
  partial_size_ = 0;
}

/// Nothing of the head has gone out yet, and what came with it is no content: something else can
/// still be said.
void ResponseRelay::withdraw_head() {
  state_ = State::Head;
  record_.answered = kNever;
  record_.status = -1;
}

ResponseRelay::Outcome ResponseRelay::take(char* data, std::size_t size, StreamSocket& client) {
  char* out = worker_.out();
  std::size_t head_size = 0;
  while (state_ == State::Head) {
    const http::HeadResult found = http::parse_response_head({data, size}, head_);
    if (found.status == http::HeadStatus::Incomplete && size < kMaxHead) {
      keep_partial(data, size);
      return Outcome::Going;
    }
    if (found.status != http::HeadStatus::Complete || found.size > kMaxHead) {
      worker_.capture_error(
          /*is_response=*/true, record_,
          found.status == http::HeadStatus::Failed ? found.error : http::H1Error::HeadTooLarge,
          {data, size}, found.size);
      return Outcome::Malformed;
    }
    plan_ = planner_.plan(head_);
    data += found.size;
    size -= found.size;
    if (plan_.rejected) return Outcome::Rejected;
    if (plan_.unsolicited || interim_ > kMaxInterim) return Outcome::Malformed;
    if (plan_.interim) {
      ++interim_;
      if (plan_.withheld) continue;
      const std::size_t interim = http::encode_response_head(head_, {}, out);
      record_.bytes_out += interim;
      if (!client.write(std::string_view(out, interim))) return Outcome::ClientBroken;
      continue;
    }
    head_size = http::encode_response_head(head_, plan_.edits, out);
    state_ = plan_.tunnel ? State::Tunnel : State::Body;
    record_.answered = worker_.loop().now();
    record_.status = head_.status;
    body_ = http::BodyDecoder(plan_.body, head_.content_length);
  }

  const auto step = body_.decode(data, size);
  if (step.error != http::H1Error::None) {
    // What stood before it has been moved already.
    worker_.capture_error(/*is_response=*/true, record_, step.error,
                          {data + step.consumed, size - step.consumed}, 0);
    if (head_size > 0) withdraw_head();
    return Outcome::Malformed;
  }
  if (!write(out, head_size, data, step.payload, client)) return Outcome::ClientBroken;
  if (partial_) release();
  if (head_size > 0 && plan_.tunnel) return Outcome::Upgraded;
  if (!body_.done()) return Outcome::Going;
  if (step.consumed < size) plan_.keep_server = false;  // bytes nobody asked for
  return Outcome::Complete;
}

/// Head and content in as few pieces as it takes. False: the connection to the client is broken.
bool ResponseRelay::write(char* head, std::size_t head_size, char* body, std::size_t body_size,
                          StreamSocket& client) {
  const bool ends = body_.done();
  const bool last = ends && !plan_.keep_client && !plan_.tunnel;
  std::size_t front = head_size;
  if (plan_.reencode_chunks && body_size > 0)
    front += http::encode_chunk_header(body_size, head + front);
  static char endings[] = "\r\n0\r\n\r\n";
  std::string_view tail;
  if (plan_.reencode_chunks && (body_size > 0 || ends)) {
    const std::size_t begin = body_size > 0 ? 0 : 2;
    tail = {endings + begin, (ends ? 7 : 2) - begin};
  }

  const std::size_t total = front + body_size + tail.size();
  if (total == 0) return true;
  record_.bytes_out += total;
  if (body_size <= kCopiedContent) {
    if (body_size > 0) std::memcpy(head + front, body, body_size);
    if (!tail.empty()) std::memcpy(head + front + body_size, tail.data(), tail.size());
    return client.write(std::string_view(head, total), last);
  }
  iovec pieces[3];
  std::size_t count = 0;
  if (front > 0) pieces[count++] = {head, front};
  pieces[count++] = {body, body_size};
  if (!tail.empty()) pieces[count++] = {const_cast<char*>(tail.data()), tail.size()};
  return client.write(std::span(pieces, count), last);
}

}  // namespace hapair::proxy
