// How far each sender has come: what is not further was heard before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "common/address.h"

namespace hapair::vrrp {

/// Remembers the last few senders; who has been silent for longest is forgotten first. Only senders
/// that have proven to hold a key come in here, so nobody else can push one out.
template <typename Mark>
class SenderMarks {
 public:
  static constexpr std::size_t kMost = 8;
  struct Entry {
    IpAddress sender;
    Mark mark{};
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  /// Null: not known.
  const Mark* find(const IpAddress& sender) const {
    const auto found = std::ranges::find(entries_, sender, &Entry::sender);
    return found == entries_.end() ? nullptr : &found->mark;
  }
  void set(const IpAddress& sender, Mark mark) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.sender == sender; });
    if (entries_.size() == kMost) entries_.erase(entries_.begin());
    entries_.push_back({sender, mark});
  }
  /// The one heard last comes last.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace hapair::vrrp
