// Sizes as people write them.
#include "common/bytes.h"

#include <array>
#include <limits>
#include <utility>

#include "common/text.h"

namespace hapair {

Result<std::uint64_t> parse_size(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  if (at == 0)
    return fail(Errc::Syntax,
                "'{}' is not a size: write a number and B, KiB, MiB or GiB, as \"16KiB\"", text);

  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> units = {
      {{"", 1},
       {"B", 1},
       {"KiB", 1ULL << 10},
       {"MiB", 1ULL << 20},
       {"GiB", 1ULL << 30},
       {"TiB", 1ULL << 40}}};
  const std::string_view unit = text.substr(at);
  std::uint64_t scale = 0;
  for (const auto& [word, bytes] : units)
    if (word == unit) scale = bytes;
  if (scale == 0)
    return fail(Errc::Syntax, "'{}' is not a unit of size: one of B, KiB, MiB or GiB", unit);

  const auto number = parse_number<std::uint64_t>(text.substr(0, at));
  if (!number || *number > std::numeric_limits<std::uint64_t>::max() / scale)
    return fail(Errc::Range, "'{}' is more than can be counted", text);
  return *number * scale;
}

}  // namespace hapair
