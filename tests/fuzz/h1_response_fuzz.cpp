// Any bytes as a response: no input may do harm, and what we would send to the client must read
// the same again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  using namespace hapair::http;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  std::string bytes(reinterpret_cast<const char*>(data), data_size);
  ResponseHead head;
  const HeadResult found = parse_response_head(bytes, head);
  if (found.status != HeadStatus::Complete) return 0;
  require(found.size <= bytes.size() && head.status >= 100 && head.status <= 999);

  std::string out(bytes.size() + kEncoderRoom, '\0');
  out.resize(encode_response_head(
      head, {ConnectionField::None, head.framing == Framing::Chunked}, out.data()));
  ResponseHead again;
  const HeadResult reread = parse_response_head(out, again);
  require(reread.status == HeadStatus::Complete && reread.size == out.size());
  require(again.status == head.status);
  if (head.status / 100 == 1 || head.status == 204) {
    require(!again.has_length);
  } else {
    require(again.framing == head.framing && again.content_length == head.content_length);
  }

  BodyDecoder body(head.framing, head.content_length);
  const auto step = body.decode(bytes.data() + found.size, bytes.size() - found.size);
  require(step.payload <= step.consumed && step.consumed <= bytes.size() - found.size);
  return 0;
}
