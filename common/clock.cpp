// Durations as people write them.
#include "common/clock.h"

#include <ctime>

#include <array>
#include <limits>
#include <utility>

#include "common/text.h"

namespace hapair {
namespace {

using Unit = std::pair<std::string_view, std::int64_t>;

// Longest first, so that format_duration finds the largest unit that divides.
constexpr std::array<Unit, 6> kUnits = {{{"d", 86'400'000'000'000},
                                         {"h", 3'600'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"s", 1'000'000'000},
                                         {"ms", 1'000'000},
                                         {"us", 1'000}}};

constexpr std::string_view kUnitWords = "us, ms, s, m, h or d";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

Duration suspended_time() {
  timespec monotonic{}, boot{};
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const auto whole = [](const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  return whole(boot) - whole(monotonic);
}

Result<Duration> parse_duration(std::string_view text) {
  if (!text.empty() && text.front() == '-')
    return fail(Errc::Range, "'{}' is negative: a duration is not", text);
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  const std::string_view whole = text.substr(0, at);
  std::string_view fraction;
  if (at < text.size() && text[at] == '.') {
    const std::size_t begin = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    fraction = text.substr(begin, at - begin);
    if (fraction.empty()) return fail(Errc::Syntax, "'{}' is not a duration", text);
  }
  if (whole.empty())
    return fail(Errc::Syntax, "'{}' is not a duration: write a number and one of {}, as \"5s\"",
                text, kUnitWords);

  const std::string_view unit = text.substr(at);
  if (unit.empty())
    return fail(Errc::Syntax,
                "'{}' has no unit: write \"{}s\" for seconds, \"{}ms\" for milliseconds", text,
                text, text);
  std::int64_t scale = 0;
  for (const Unit& known : kUnits)
    if (known.first == unit) scale = known.second;
  if (scale == 0)
    return fail(Errc::Syntax, "'{}' is not a unit of time: one of {}", unit, kUnitWords);

  const auto number = parse_number<std::int64_t>(whole);
  if (!number || *number > std::numeric_limits<std::int64_t>::max() / scale - 1)
    return fail(Errc::Range, "'{}' is longer than can be counted", text);
  std::int64_t nanoseconds = *number * scale;
  // Digit by digit, so that "1.1s" is exact where a floating point number would not be.
  std::int64_t place = scale;
  for (const char digit : fraction) {
    if (place % 10 != 0 && digit != '0') {
      // Minutes, hours and days do not divide by ten for ever; what is left is below a nanosecond.
      nanoseconds += place * (digit - '0') / 10;
      break;
    }
    place /= 10;
    nanoseconds += place * (digit - '0');
  }
  return Duration(nanoseconds);
}

std::string format_duration(Duration duration) {
  const std::int64_t nanoseconds = duration.count();
  if (nanoseconds == 0) return "0s";
  for (const auto& [unit, scale] : kUnits)
    if (nanoseconds % scale == 0) return fmt::format("{}{}", nanoseconds / scale, unit);
  std::string text = fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
  while (text.back() == '0') text.pop_back();
  return text + "us";
}

}  // namespace hapair
