// Decides when gratuitous ARPs go out, and how many.
#pragma once

#include <cstdint>
#include <vector>

#include "common/clock.h"

namespace hapair::vrrp {

/// Pure. After a takeover: `repeat` at once and `repeat` again after `delay`. After a rival was
/// heard: at 0, 0.1, 0.5, 1 and 2 s, because a rival that loses the election may still announce
/// after we answered it, and the last announcement is the one the link believes. Keepalived leaves
/// five seconds of black hole there. A node that is not master announces nothing.
class AnnounceSchedule {
 public:
  struct Settings {
    int repeat = 5;
    Duration delay = std::chrono::seconds(5);  // zero: no second set
    Duration refresh = Duration::zero();       // zero: off
    int refresh_repeat = 1;
  };
  explicit AnnounceSchedule(Settings settings) : settings_(settings) {}

  void on_takeover(TimePoint now);
  /// Master since before this process began: everybody knows.
  void on_resumed(TimePoint now);
  /// At most one new series a second, however many rivals speak.
  void on_rival(TimePoint now);
  void on_lost();
  /// Other settings from here on; what is due already stays due.
  void change(Settings settings, TimePoint now);

  /// How many to send for each address now; 0 if none is due. Takes what it answers.
  int take_due(TimePoint now);
  TimePoint deadline() const;

 private:
  struct Burst {
    TimePoint at;
    int count;
  };
  Settings settings_;
  std::vector<Burst> bursts_;  // few: at most eight
  TimePoint next_refresh_ = kNever;
  TimePoint last_rival_ = TimePoint::min();
  bool master_ = false;
};

}  // namespace hapair::vrrp
