#include "proxy/stats/rate.h"

namespace hapair::stats {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::int64_t second_of(TimePoint now) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

void EventRate::count(TimePoint now, std::uint64_t n) {
  const std::int64_t second = second_of(now), last = second_.load(kRelaxed);
  std::uint64_t current = current_.load(kRelaxed);
  if (second != last) {
    previous_.store(second == last + 1 ? current : 0, kRelaxed);
    second_.store(second, kRelaxed);
    current = 0;
  }
  current += n;
  current_.store(current, kRelaxed);
  if (current > peak_.load(kRelaxed)) peak_.store(current, kRelaxed);
}

std::uint64_t EventRate::per_second(TimePoint now) const {
  const std::int64_t second = second_of(now), last = second_.load(kRelaxed);
  std::uint64_t current = current_.load(kRelaxed), previous = previous_.load(kRelaxed);
  if (second != last) {
    previous = last != INT64_MIN && second == last + 1 ? current : 0;
    current = 0;
  }
  const auto into = now.time_since_epoch() - std::chrono::seconds(second);
  const auto left = static_cast<std::uint64_t>(1000 - to_milliseconds(into));
  return current + previous * left / 1000;
}

std::uint64_t EventRate::peak() const {
  return peak_.load(kRelaxed);
}

}  // namespace hapair::stats
