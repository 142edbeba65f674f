// A worker's buffers: taken while a message is under way, given back when nothing is.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "proxy/runtime/splice_pipe.h"

namespace hapair::proxy {

/// The longest head we read, how much is read while looking for its end, and what a buffer holds:
/// room for bytes of the next request stays behind even the longest head.
inline constexpr std::size_t kMaxHead = 16 * 1024;
inline constexpr std::size_t kFirstRead = kMaxHead + 1024;
inline constexpr std::size_t kHeadBuffer = kFirstRead + 3 * 1024;

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

  PipePool& pipes() { return pipes_; }

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
  PipePool pipes_;
  std::vector<HeadBuffer> heads_;
  std::vector<std::unique_ptr<std::string>> spills_;
};

}  // namespace hapair::proxy
