#include "proxy/balance/tournament.h"

#include <algorithm>

namespace hapair::balance {

Tournament::Line::Line() {
  for (auto& entry : entries) entry.store(kOut, std::memory_order_relaxed);
}

std::uint32_t Tournament::Line::smallest() const {
  std::uint32_t smallest = kOut;
  for (const auto& entry : entries) smallest = std::min(smallest, entry.load());
  return smallest;
}

std::size_t Tournament::Line::first_within(std::uint32_t key, std::size_t from) const {
  while (from < kWidth && entries[from].load() > key) ++from;
  return from;
}

Tournament::Tournament(std::size_t players) {
  for (std::size_t entries = std::max<std::size_t>(players, 1);;) {
    const std::size_t lines = (entries + kWidth - 1) / kWidth;
    levels_.emplace_back(lines);
    if (lines == 1) return;
    entries = lines;
  }
}

void Tournament::climb(std::size_t level, std::size_t line) {
  for (; level + 1 < levels_.size(); ++level, line /= kWidth) {
    const Line& below = levels_[level][line];
    std::atomic<std::uint32_t>& entry = at(level + 1, line);
    std::uint32_t smallest = below.smallest();
    if (entry.load() == smallest) return;  // who stored it goes on from there
    for (;;) {
      entry.exchange(smallest);
      const std::uint32_t again = below.smallest();
      if (again == smallest) break;
      smallest = again;
    }
  }
}

int Tournament::next(std::size_t from) {
  for (;;) {
    const std::uint32_t smallest = levels_.back().front().smallest();
    if (smallest == kOut) return kNobody;
    int found = find(smallest, from);
    if (found == kNobody && from > 0) found = find(smallest, 0);
    if (found != kNobody) return found;
  }
}

/// The first from `from` on whose key is no larger; kNobody if there is none or somebody changed
/// the tree meanwhile.
int Tournament::find(std::uint32_t key, std::size_t from) {
  std::size_t level = 0, index = from;
  for (;; ++level) {  // up, until a line has one right of where we came from
    const std::size_t line = index / kWidth;
    if (line >= levels_[level].size()) return kNobody;
    const std::size_t slot = levels_[level][line].first_within(key, index % kWidth);
    index = line * kWidth + slot;
    if (slot < kWidth) break;
    if (level + 1 == levels_.size()) return kNobody;
    index = line + 1;
  }
  for (; level > 0; --level) {  // down to it
    const std::size_t slot = levels_[level - 1][index].first_within(key, 0);
    if (slot == kWidth) {  // an old entry led us here: not to wait for whoever is about to renew it
      climb(level - 1, index);
      return kNobody;
    }
    index = index * kWidth + slot;
  }
  return static_cast<int>(index);
}

}  // namespace hapair::balance
