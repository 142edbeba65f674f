#include "proxy/runtime/request_content.h"

#include <sys/epoll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "proxy/runtime/client_session.h"
#include "proxy/runtime/worker.h"

namespace hapair::proxy {
namespace {

using http::Framing;

// Reads in a row before others get their turn.
constexpr int kReadsPerTurn = 4;

constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace

bool RequestContent::begin(const http::RequestHead& request, ClientSession& client) {
  decoder_ = http::BodyDecoder(request.framing, request.content_length);
  chunked_ = request.framing == Framing::Chunked;
  complete_ = decoder_.done();
  beyond_buffer_ = false;
  early_size_ = 0;
  http::BodyDecoder::Step step;
  if (!complete_) {
    if (!decode(client.behind_head(), client.behind_head_size(), step)) return false;
    early_size_ = step.payload;
  }
  client.request_ends_at(step.consumed);
  return true;
}

/// False: malformed; it is kept for the operator to see.
bool RequestContent::decode(char* data, std::size_t size, http::BodyDecoder::Step& step) {
  step = decoder_.decode(data, size);
  if (step.error == http::H1Error::None) {
    complete_ = decoder_.done();
    return true;
  }
  worker_.capture_error(/*is_response=*/false, record_, step.error,
                        {data + step.consumed, size - step.consumed}, 0);
  return false;
}

RequestContent::Outcome RequestContent::gather(ClientSession& client) {
  while (!complete_ && client.may_read_behind_head()) {
    const auto read = client.read_behind_head();
    if (read.kind == StreamSocket::Read::Nothing) return Outcome::Going;
    if (read.kind != StreamSocket::Read::Bytes) return Outcome::ClientBroken;
    http::BodyDecoder::Step step;
    if (!decode(client.behind_head() + early_size_, read.size, step)) return Outcome::Malformed;
    // Behind the content's end the next request begins; before it there is nothing but content.
    if (complete_) {
      client.request_ends_at(early_size_ + step.consumed);
    } else {
      client.keep_behind_head(early_size_ + step.payload);
    }
    early_size_ += step.payload;
  }
  return Outcome::Complete;
}

std::string_view RequestContent::early(ClientSession& client) const {
  return {client.behind_head(), early_size_};
}

std::size_t RequestContent::encode_early(ClientSession& client, char* out) const {
  std::size_t size = 0;
  if (early_size_ > 0) {
    if (chunked_) size += http::encode_chunk_header(early_size_, out);
    std::memcpy(out + size, client.behind_head(), early_size_);
    size += early_size_;
    if (chunked_) {
      std::memcpy(out + size, "\r\n", 2);
      size += 2;
    }
  }
  if (chunked_ && complete_) {
    std::memcpy(out + size, kLastChunk.data(), kLastChunk.size());
    size += kLastChunk.size();
  }
  return size;
}

/// Never past what the session could keep for the next request.
std::size_t RequestContent::most_to_read(const ClientSession& client) const {
  if (chunked_) return std::min(Worker::kScratch, client.room());
  const std::uint64_t remaining = decoder_.plain_remaining();
  return remaining == 0
             ? Worker::kScratch
             : static_cast<std::size_t>(std::min<std::uint64_t>(Worker::kScratch, remaining));
}

RequestContent::Outcome RequestContent::pump(ClientSession& client, StreamSocket& server,
                                             std::uint64_t& moved) {
  char* const scratch = worker_.scratch();
  StreamSocket& source = client.socket();
  for (int reads = 0; !complete_ && !server.has_output() && source.is_readable(); ++reads) {
    if (reads == kReadsPerTurn) {
      worker_.loop().resume(client, EPOLLIN);
      break;
    }
    if (!beyond_buffer_) {
      beyond_buffer_ = true;
      client.drop_body();
    }
    const auto read = source.read(scratch, most_to_read(client));
    if (read.kind == StreamSocket::Read::Nothing) break;
    if (read.kind == StreamSocket::Read::Failed) return Outcome::ClientBroken;
    if (read.kind == StreamSocket::Read::End) return Outcome::Ended;
    http::BodyDecoder::Step step;
    if (!decode(scratch, read.size, step)) return Outcome::Malformed;
    if (step.consumed < read.size) {
      client.stash({scratch + step.consumed, read.size - step.consumed});
    }
    moved += step.payload;
    if (!write(server, scratch, step.payload)) return Outcome::ServerBroken;
  }
  return Outcome::Going;
}

/// Frames `size` bytes for the server, and their end if they are the last. False: it is gone.
bool RequestContent::write(StreamSocket& server, char* data, std::size_t size) const {
  char header[http::kChunkHeaderRoom];
  iovec pieces[3];
  std::size_t count = 0;
  if (size > 0) {
    if (chunked_) pieces[count++] = {header, http::encode_chunk_header(size, header)};
    pieces[count++] = {data, size};
  }
  if (chunked_ && (size > 0 || complete_)) {
    static char endings[] = "\r\n0\r\n\r\n";
    const std::size_t begin = size > 0 ? 0 : 2;
    pieces[count++] = {endings + begin, (complete_ ? 7 : 2) - begin};
  }
  return count == 0 || server.write(std::span(pieces, count));
}

void RequestContent::become_tunnel() {
  decoder_ = http::BodyDecoder(Framing::UntilClose, 0);
  chunked_ = complete_ = false;
}

}  // namespace hapair::proxy
