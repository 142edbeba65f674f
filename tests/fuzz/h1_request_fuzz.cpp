// Any bytes as a request: no input may do harm, and what we would send to a server must be, to a
// second reading, the same one request with the same content.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"

namespace {

using namespace hapair::http;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Message {
  RequestHead head;
  std::string content;
  bool complete = false;
};

/// Reads head and body, the body in pieces of `step` bytes. False: refused or not yet a head.
bool read(const std::string& bytes, std::size_t step, Message& message, std::size_t& size) {
  const HeadResult found = parse_request_head(bytes, message.head);
  if (found.status != HeadStatus::Complete) return false;
  require(found.size <= bytes.size());
  size = found.size;
  BodyDecoder body(message.head.framing, message.head.content_length);
  while (!body.done() && size < bytes.size()) {
    std::string piece = bytes.substr(size, step);
    const auto out = body.decode(piece.data(), piece.size());
    if (out.error != H1Error::None) return false;
    require(out.payload <= out.consumed && out.consumed <= piece.size());
    require(body.done() || out.consumed == piece.size());
    message.content.append(piece, 0, out.payload);
    size += out.consumed;
  }
  message.complete = body.done();
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  const std::string bytes(reinterpret_cast<const char*>(data), data_size);
  Message whole, cut;
  std::size_t size = 0, cut_size = 0;
  const bool accepted = read(bytes, 1 << 16, whole, size);
  require(read(bytes, 1, cut, cut_size) == accepted);
  if (!accepted) return 0;
  require(cut.content == whole.content && cut_size == size && cut.complete == whole.complete);

  std::string out(bytes.size() + kEncoderRoom + 64, '\0');
  out.resize(encode_request_head(whole.head, {ConnectionField::Close, "X-Forwarded-For", "10.0.0.1"},
                                 out.data()));
  Message again;
  std::size_t again_size = 0;
  require(read(out, 1 << 16, again, again_size) && again_size == out.size());
  require(again.head.method_text == whole.head.method_text);
  require(again.head.path_query == whole.head.path_query);
  require(again.head.host == whole.head.host);
  require(again.head.framing == whole.head.framing);
  require(again.head.content_length == whole.head.content_length);
  require(!again.head.persistence.keep_alive);
  return 0;
}
