#include "vrrp/core/file_value.h"

#include <cstdint>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

/// What a log line may show of something that can be anything.
std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 20;
  std::string out;
  for (const char c : text.substr(0, kMost)) out += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kMost ? out + "…" : out;
}

}  // namespace

Result<int> parse_file_value(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return fail(Errc::NotFound, "it is empty");
  text = text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
  std::string_view digits = text;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  const auto value = parse_number<std::int64_t>(digits);
  if (!value) return fail(Errc::Syntax, "\"{}\" is no whole number", shown(text));
  if (*value < -kMostFileValue || *value > kMostFileValue)
    return fail(Errc::Range, "{} is not within {} to {}", *value, -kMostFileValue, kMostFileValue);
  return static_cast<int>(*value);
}

}  // namespace hapair::vrrp
