// Finished log lines that wait to be sent, back to back in one buffer.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace hapair {

/// A line is written where it will be sent from: ask for room, write, commit. Grows to what one turn
/// of a busy loop logs and keeps that size; an empty batch that was never used holds nothing.
class LogBatch {
 public:
  /// Where `most` bytes may be written behind the last line. Valid until the next call.
  char* room(std::size_t most) {
    if (capacity_ - used_ < most) grow(most);
    return bytes_.get() + used_;
  }
  /// The first `size` bytes of that room are a line.
  void commit(std::size_t size) {
    used_ += size;
    ends_.push_back(used_);
  }

  bool empty() const { return ends_.empty(); }
  std::size_t lines() const { return ends_.size(); }
  std::size_t size() const { return used_; }
  /// Line `index`, framing included.
  std::string_view line(std::size_t index) const { return run(index, index + 1); }
  /// Lines from `first` up to, not including, `last`.
  std::string_view run(std::size_t first, std::size_t last) const {
    const std::size_t begin = first == 0 ? 0 : ends_[first - 1];
    const std::size_t end = last == 0 ? 0 : ends_[last - 1];
    return {bytes_.get() + begin, end - begin};
  }
  void clear() {
    ends_.clear();
    used_ = 0;
  }
  /// Forgets the first `lines` lines; the others move up.
  void drop_front(std::size_t lines);
  /// Forgets lines at the end until what is left has `most` bytes at most. Answers how many.
  std::size_t trim(std::size_t most);

 private:
  void grow(std::size_t most);

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::vector<std::size_t> ends_;  // where each line ends
};

}  // namespace hapair
