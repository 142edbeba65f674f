// Any bytes as a chunked body: cut anywhere they mean the same, a plain reading of RFC 9112 7.1
// agrees, and what we would send on is read as the same content again.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"

namespace {

using namespace hapair::http;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Body {
  std::string content;
  std::size_t size = 0;  // bytes of the input
  bool done = false;
};

/// Nothing if refused.
std::optional<Body> decode(const std::string& bytes, std::size_t step) {
  BodyDecoder decoder(Framing::Chunked, 0);
  Body body;
  while (!decoder.done() && body.size < bytes.size()) {
    std::string piece = bytes.substr(body.size, step);
    const auto out = decoder.decode(piece.data(), piece.size());
    if (out.error != H1Error::None) return std::nullopt;
    require(out.payload <= out.consumed && out.consumed <= piece.size());
    require(decoder.done() || out.consumed == piece.size());
    body.content.append(piece, 0, out.payload);
    body.size += out.consumed;
  }
  body.done = decoder.done();
  return body;
}

/// Line by line, with no thought for speed. Nothing if it is not one whole, well-formed body.
std::optional<Body> read_plainly(const std::string& bytes) {
  Body body;
  const auto line = [&]() -> std::optional<std::string> {
    const auto end = bytes.find("\r\n", body.size);
    if (end == bytes.npos) return std::nullopt;
    std::string text = bytes.substr(body.size, end - body.size);
    body.size = end + 2;
    if (text.find_first_of("\r\n") != text.npos) return std::nullopt;
    return text;
  };
  for (;;) {
    const auto head = line();
    if (!head) return std::nullopt;
    const std::string digits = head->substr(0, head->find(';'));
    if (digits.empty() || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos)
      return std::nullopt;
    const auto first = digits.find_first_not_of('0');
    if (first != digits.npos && digits.size() - first > 15) return std::nullopt;
    const std::size_t count = first == digits.npos ? 0 : std::stoull(digits, nullptr, 16);
    if (count == 0) break;
    if (bytes.size() - body.size < count + 2) return std::nullopt;
    body.content += bytes.substr(body.size, count);
    body.size += count;
    if (bytes.compare(body.size, 2, "\r\n") != 0) return std::nullopt;
    body.size += 2;
  }
  for (;;) {
    const auto trailer = line();
    if (!trailer) return std::nullopt;
    if (trailer->empty()) break;
    const std::string name = trailer->substr(0, trailer->find(':'));
    if (name.empty() || name.size() == trailer->size() ||
        name.find_first_of(" \t\"(),/;<=>?@[\\]{}") != name.npos)
      return std::nullopt;
  }
  body.done = true;
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = decode(bytes, 1 << 20);
  const auto cut = decode(bytes, 1);
  require(whole.has_value() == cut.has_value());
  if (!whole) return 0;
  require(whole->content == cut->content && whole->size == cut->size && whole->done == cut->done);
  if (!whole->done) return 0;
  const auto plain = read_plainly(bytes);
  require(plain && plain->content == whole->content && plain->size == whole->size);

  char header[kChunkHeaderRoom];
  std::string again;
  if (!whole->content.empty()) {
    again.append(header, encode_chunk_header(whole->content.size(), header));
    again += whole->content + "\r\n";
  }
  again += "0\r\n\r\n";
  const auto reread = decode(again, 1 << 20);
  require(reread && reread->done && reread->content == whole->content &&
          reread->size == again.size());
  return 0;
}
