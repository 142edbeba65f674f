// Time as the cores see it: points on the monotonic clock that somebody hands in.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/error.h"

namespace hapair {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// Calendar time, for log lines and dates only; never for deadlines.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// A deadline that never comes.
inline constexpr TimePoint kNever = TimePoint::max();

/// When a timeout that starts now is over; a timeout of zero is none.
inline TimePoint after(TimePoint now, Duration timeout) {
  return timeout > Duration::zero() ? now + timeout : kNever;
}

inline TimePoint steady_now() { return std::chrono::steady_clock::now(); }
inline WallTime wall_now() { return std::chrono::system_clock::now(); }

/// How long the machine has been suspended since it started: steady_now() stood still meanwhile. Grows
/// by jitter of microseconds, too.
Duration suspended_time();

inline std::int64_t to_milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// Reads "100ms", "5s", "1m": a whole or decimal number and one of us, ms, s, m, h, d.
/// Negative values and bare numbers (no unit) are refused.
Result<Duration> parse_duration(std::string_view text);

/// The shortest exact spelling that parse_duration reads back: "1500ms", "2s", "1m".
std::string format_duration(Duration duration);

}  // namespace hapair
