#include "proxy/health/check_fsm.h"

#include <fmt/format.h>

#include <algorithm>

namespace hapair::health {

CheckFsm::CheckFsm(Settings settings, TimePoint first)
    : settings_(settings),
      dice_(static_cast<std::uint64_t>(first.time_since_epoch().count()) | 1),
      next_probe_(first) {}

void CheckFsm::assume(Health known, std::uint64_t failures) {
  health_ = known;
  lives_ = known == Health::Up ? full() : 0;
  failures_ = failures;
  stopping_ = false;
}

void CheckFsm::assume_barely_up() {
  health_ = Health::Up;
  lives_ = settings_.rise;
}

void CheckFsm::begin_again(TimePoint now) {
  health_ = Health::Down;
  lives_ = settings_.rise - 1;
  stopping_ = false;
  next_probe_ = now;
}

// One counter, as HAProxy's: 0 is plainly down, full() plainly up, `rise` the least that is up. A
// pass while up restores all lives; a failure while down takes what was gained.
std::optional<Health> CheckFsm::on_probe(Probe result, TimePoint now, Duration took) {
  const Health before = health_;
  if (result == Probe::Conditional && before == Health::Down) result = Probe::Fail;
  stopping_ = result == Probe::Conditional || (stopping_ && result == Probe::Fail);
  if (result != Probe::Fail) {
    lives_ = before == Health::Unknown || lives_ + 1 >= settings_.rise ? full() : lives_ + 1;
  } else {
    lose_life();
  }
  health_ = lives_ >= settings_.rise ? Health::Up : Health::Down;
  if (health_ == Health::Down) stopping_ = false;
  next_probe_ = std::max(now, now - took + spread(interval()));
  if (health_ == before) return std::nullopt;
  return health_;
}

void CheckFsm::lose_life() {
  if (lives_ > 0 || health_ == Health::Unknown) ++failures_;
  lives_ = lives_ > settings_.rise ? lives_ - 1 : 0;
}

std::optional<Health> CheckFsm::on_traffic_errors(Penalty penalty, TimePoint now) {
  // Requests that outlive their server's fall say nothing new, and take back no good probe.
  if (health_ != Health::Up) return std::nullopt;
  if (settings_.fast_interval > 0s)
    next_probe_ = std::min(next_probe_, now + settings_.fast_interval);
  if (penalty == Penalty::ProbeSooner) return std::nullopt;
  if (penalty == Penalty::SuddenDeath) lives_ = std::min(lives_, settings_.rise + 1);
  if (penalty == Penalty::MarkDown) lives_ = settings_.rise;
  lose_life();
  if (lives_ > 0) return std::nullopt;
  stopping_ = false;
  return health_ = Health::Down;
}

Duration CheckFsm::spread(Duration interval) {
  if (settings_.spread == 0) return interval;
  dice_ ^= dice_ << 13;  // xorshift64
  dice_ ^= dice_ >> 7;
  dice_ ^= dice_ << 17;
  const auto most = interval * settings_.spread / 100;
  return interval - most + Duration(static_cast<std::int64_t>(
                               dice_ % static_cast<std::uint64_t>(2 * most.count() + 1)));
}

Duration CheckFsm::interval() const {
  const auto or_usual = [this](Duration own) { return own > 0s ? own : settings_.interval; };
  if (lives_ == full()) return settings_.interval;
  return or_usual(lives_ == 0 ? settings_.down_interval : settings_.fast_interval);
}

std::string CheckFsm::status() const {
  if (health_ == Health::Up)
    return lives_ == full() ? "UP"
                            : fmt::format("UP {}/{}", lives_ - settings_.rise + 1, settings_.fall);
  return lives_ == 0 ? "DOWN" : fmt::format("DOWN {}/{}", lives_, settings_.rise);
}

}  // namespace hapair::health
