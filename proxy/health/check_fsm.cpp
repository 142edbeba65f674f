#include "proxy/health/check_fsm.h"

#include <fmt/format.h>

#include <algorithm>

namespace hapair::health {

CheckFsm::CheckFsm(Settings settings, TimePoint first) : settings_(settings), next_probe_(first) {}

void CheckFsm::assume(Health known, std::uint64_t failures) {
  health_ = known;
  lives_ = known == Health::Up ? full() : 0;
  failures_ = failures;
  stopping_ = false;
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
    if (lives_ > 0 || before == Health::Unknown) ++failures_;
    lives_ = lives_ > settings_.rise ? lives_ - 1 : 0;
  }
  health_ = lives_ >= settings_.rise ? Health::Up : Health::Down;
  if (health_ == Health::Down) stopping_ = false;
  next_probe_ = std::max(now, now - took + interval());
  if (health_ == before) return std::nullopt;
  return health_;
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
