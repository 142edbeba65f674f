#include "common/log_batch.h"

#include <algorithm>
#include <cstring>

namespace hapair {

void LogBatch::grow(std::size_t most) {
  const std::size_t wanted = std::max(2 * capacity_, used_ + most);
  // Not make_unique: nobody reads what was not written, so it need not be zero.
  std::unique_ptr<char[]> bytes(new char[wanted]);
  if (used_ > 0) std::memcpy(bytes.get(), bytes_.get(), used_);
  bytes_ = std::move(bytes);
  capacity_ = wanted;
}

void LogBatch::drop_front(std::size_t lines) {
  if (lines == 0) return;
  const std::size_t gone = ends_[lines - 1];
  std::memmove(bytes_.get(), bytes_.get() + gone, used_ - gone);
  used_ -= gone;
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(lines));
  for (std::size_t& end : ends_) end -= gone;
}

std::size_t LogBatch::trim(std::size_t most) {
  const std::size_t before = ends_.size();
  while (used_ > most && !ends_.empty()) {
    ends_.pop_back();
    used_ = ends_.empty() ? 0 : ends_.back();
  }
  return before - ends_.size();
}

}  // namespace hapair
