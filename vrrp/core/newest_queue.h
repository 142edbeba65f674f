// A queue of limited length that keeps what came last.
#pragma once

#include <deque>
#include <optional>
#include <utility>

namespace hapair::vrrp {

template <typename T>
class NewestQueue {
 public:
  explicit NewestQueue(std::size_t most) : most_(most) {}

  /// Answers the oldest, if it had to make room.
  std::optional<T> push(T item) {
    items_.push_back(std::move(item));
    return items_.size() > most_ ? pop() : std::nullopt;
  }
  /// The oldest.
  std::optional<T> pop() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }

 private:
  std::deque<T> items_;
  std::size_t most_;
};

}  // namespace hapair::vrrp
