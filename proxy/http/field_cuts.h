// What to leave out of a head's fields, and what to put there instead.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace hapair::http {

struct FieldCut {
  std::string_view cut;  // bytes of the received head, within one field's line; empty: a place
  std::string_view put;  // goes there instead; must live until the head is encoded
};

/// The edits of one head, in the order of its bytes. Bounded, so that they cost no allocation: what
/// comes when there are kMost already is not done, and those who add must be able to bear that.
class FieldCuts {
 public:
  static constexpr std::size_t kMost = 16;

  void clear() { count_ = 0; }
  void add(std::string_view cut, std::string_view put = {}) {
    if (count_ < kMost) cuts_[count_++] = {cut, put};
  }
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  const FieldCut* begin() const { return cuts_.data(); }
  const FieldCut* end() const { return cuts_.data() + count_; }

 private:
  std::array<FieldCut, kMost> cuts_;
  std::size_t count_ = 0;
};

}  // namespace hapair::http
