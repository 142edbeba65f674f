// Any bytes as the beginning of a connection: no input may do harm, the answer must not depend on
// where the bytes are cut, and who is announced must come out of encoding it again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/wire/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair::wire;
  using Status = DecodedHeader::Status;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const DecodedHeader whole = decode_proxy_header(input);
  // What a part of it said, more bytes do not change.
  for (const std::size_t part : {size / 2, size == 0 ? 0 : size - 1}) {
    const DecodedHeader cut = decode_proxy_header(input.substr(0, part));
    if (cut.status == Status::Incomplete) continue;
    if (cut.status != whole.status || cut.size != whole.size || cut.announced != whole.announced)
      std::abort();
  }
  if (whole.status == Status::Refused && whole.error == HeaderError::None) std::abort();
  if (whole.status != Status::Complete) return 0;
  if (whole.size == 0 || whole.size > size || whole.size > kLongestHeader) std::abort();
  if (!whole.announced) return 0;
  for (const HeaderStyle style : {HeaderStyle{HeaderVersion::V1}, HeaderStyle{HeaderVersion::V2},
                                  HeaderStyle{HeaderVersion::V2, true}}) {
    char room[kHeaderRoom];
    const std::size_t written = encode_proxy_header(*whole.announced, style, room);
    const DecodedHeader again = decode_proxy_header({room, written});
    if (again.status != Status::Complete || again.size != written ||
        again.announced != whole.announced)
      std::abort();
  }
  return 0;
}
