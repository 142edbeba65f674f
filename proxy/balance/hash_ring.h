// A circle of points, a number of them for each server: a key belongs to the point it meets first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hapair::balance {

/// A server's points depend on its name alone, and fewer points are a part of more of them. So a
/// server that leaves moves only its own keys, one that comes takes only what becomes its own, and
/// neither the order of the file nor the other servers matter. Immutable.
class HashRing {
 public:
  struct Share {
    std::string_view name;
    unsigned points = 0;
  };

  HashRing() = default;
  /// Share i is server i. O(points · log points).
  explicit HashRing(std::span<const Share> shares);

  std::size_t size() const { return points_.size(); }
  /// The point that this key meets first; only on a ring with points.
  std::size_t first_of(std::uint64_t key) const;
  /// The server of a point; any number, counted around.
  int at(std::size_t point) const {
    return static_cast<int>(static_cast<std::uint32_t>(points_[point % points_.size()]));
  }

 private:
  std::vector<std::uint64_t> points_;  // sorted: place on the circle, above the server's number
};

}  // namespace hapair::balance
