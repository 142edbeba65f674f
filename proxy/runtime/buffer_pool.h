// A worker's buffers: taken while a message is under way, given back when nothing is.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace hapair::proxy {

/// The longest head we read, and what a request buffer holds beyond it for the bytes behind.
inline constexpr std::size_t kMaxHead = 16 * 1024;
inline constexpr std::size_t kHeadBuffer = kMaxHead + 1024;

/// Not thread-safe: one a worker. The most recently returned buffer is given out first.
class BufferPool {
 public:
  using HeadBuffer = std::unique_ptr<char[]>;

  HeadBuffer take_head() {
    if (heads_.empty()) return std::make_unique_for_overwrite<char[]>(kHeadBuffer);
    HeadBuffer buffer = std::move(heads_.back());
    heads_.pop_back();
    return buffer;
  }
  void give(HeadBuffer buffer) {
    if (heads_.size() < kKept) heads_.push_back(std::move(buffer));
  }

  /// For bytes the other side would not take: an empty string with room.
  std::unique_ptr<std::string> take_spill() {
    if (spills_.empty()) return std::make_unique<std::string>();
    auto spill = std::move(spills_.back());
    spills_.pop_back();
    return spill;
  }
  void give(std::unique_ptr<std::string> spill) {
    if (spills_.size() >= kKept || spill->capacity() > kLargestKeptSpill) return;
    spill->clear();
    spills_.push_back(std::move(spill));
  }

 private:
  static constexpr std::size_t kKept = 256;
  static constexpr std::size_t kLargestKeptSpill = 256 * 1024;
  std::vector<HeadBuffer> heads_;
  std::vector<std::unique_ptr<std::string>> spills_;
};

}  // namespace hapair::proxy
