// The last changes of state, and drills, as lines that another process reads back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vrrp/core/transition.h"

namespace hapair::vrrp {

/// What came of a drill that was run from this node.
struct Rehearsal {
  std::string instance;
  bool passed = false;
  std::string text;  // "kill-proxy: hap2 took over after 12 ms …"
  WallTime at{};
  friend bool operator==(const Rehearsal&, const Rehearsal&) = default;
};

/// Pure: the owner keeps the text where it outlives the process.
class History {
 public:
  static constexpr std::size_t kMost = 100;
  static constexpr std::size_t kMostRehearsals = 20;

  /// Forgets the oldest of too many, but not the last one of an instance: since when it is what it
  /// is can still be told when another one changes all the time.
  void add(Transition transition);
  void add(Rehearsal rehearsal);

  /// Oldest first.
  const std::vector<Transition>& transitions() const { return transitions_; }
  /// Null: none is known. Valid until the next add().
  const Transition* last_of(std::string_view instance) const;
  const std::vector<Rehearsal>& rehearsals() const { return rehearsals_; }
  const Rehearsal* last_rehearsal_of(std::string_view instance) const;

  /// A line for each behind one that tells the version.
  std::string write() const;
  /// Passes over lines it cannot read. Nothing at all is believed of another version.
  static History read(std::string_view text);

 private:
  std::vector<Transition> transitions_;
  std::vector<Rehearsal> rehearsals_;
};

}  // namespace hapair::vrrp
