#include "vrrp/core/announce.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAfterRival[] = {0ms, 100ms, 500ms, 1s, 2s};
constexpr Duration kBetweenRivals = 1s;

}  // namespace

void AnnounceSchedule::on_takeover(TimePoint now) {
  on_resumed(now);
  bursts_.push_back({now, settings_.repeat});
  if (settings_.delay > Duration::zero())
    bursts_.push_back({now + settings_.delay, settings_.repeat});
}

void AnnounceSchedule::on_resumed(TimePoint now) {
  on_lost();
  master_ = true;
  if (settings_.refresh > Duration::zero()) next_refresh_ = now + settings_.refresh;
}

void AnnounceSchedule::on_rival(TimePoint now) {
  if (!master_) return;
  if (last_rival_ != TimePoint::min() && now - last_rival_ < kBetweenRivals) return;
  last_rival_ = now;
  // The series before this one is not over: its rest would only double the new one.
  std::erase_if(bursts_, [](const Burst& burst) { return burst.count == 1; });
  for (Duration after : kAfterRival) bursts_.push_back({now + after, 1});
}

void AnnounceSchedule::on_lost() {
  master_ = false;
  bursts_.clear();
  next_refresh_ = kNever;
  last_rival_ = TimePoint::min();
}

void AnnounceSchedule::change(Settings settings, TimePoint now) {
  settings_ = settings;
  const bool refreshes = master_ && settings_.refresh > Duration::zero();
  next_refresh_ = refreshes ? std::min(next_refresh_, now + settings_.refresh) : kNever;
}

int AnnounceSchedule::take_due(TimePoint now) {
  int count = 0;
  std::erase_if(bursts_, [&](const Burst& burst) {
    if (burst.at > now) return false;
    count = std::max(count, burst.count);  // after a stall one set is as good as three
    return true;
  });
  if (next_refresh_ <= now) {
    count = std::max(count, settings_.refresh_repeat);
    next_refresh_ = now + settings_.refresh;
  }
  return count;
}

TimePoint AnnounceSchedule::deadline() const {
  TimePoint first = next_refresh_;
  for (const Burst& burst : bursts_) first = std::min(first, burst.at);
  return first;
}

}  // namespace hapair::vrrp
