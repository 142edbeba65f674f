#include "ctl/probe_record.h"

#include <algorithm>

namespace hapair::ctl {

std::size_t ProbeRecord::begin(TimePoint now) {
  tries_.push_back({.began = now});
  return tries_.size() - 1;
}

void ProbeRecord::end(std::size_t number, bool good, TimePoint now) {
  tries_.at(number).ended = now;
  tries_.at(number).good = good;
}

std::size_t ProbeRecord::good() const {
  return static_cast<std::size_t>(std::ranges::count(tries_, true, &Try::good));
}

std::size_t ProbeRecord::lost() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(tries_, [](const Try& one) { return one.ended && !one.good; }));
}

bool ProbeRecord::is_good_for(Duration span, TimePoint now) const {
  bool some = false;
  for (const Try& one : tries_) {
    if (!one.ended) {
      if (now - one.began > kLate) return false;
    } else if (now - *one.ended < span) {
      if (!one.good) return false;
      some = true;
    }
  }
  return some;
}

Duration ProbeRecord::longest_gap(TimePoint until) const {
  if (tries_.empty()) return Duration::zero();
  std::vector<TimePoint> answers;
  for (const Try& one : tries_)
    if (one.good && *one.ended <= until) answers.push_back(*one.ended);
  std::ranges::sort(answers);
  if (answers.empty()) return until - tries_.front().began;
  answers.push_back(until);
  Duration longest{};
  for (std::size_t i = 1; i < answers.size(); ++i)
    longest = std::max(longest, answers[i] - answers[i - 1]);
  return longest;
}

Duration ProbeRecord::longest_pause() const {
  Duration longest{};
  for (std::size_t i = 1; i < tries_.size(); ++i)
    longest = std::max(longest, tries_[i].began - tries_[i - 1].began);
  return longest;
}

}  // namespace hapair::ctl
