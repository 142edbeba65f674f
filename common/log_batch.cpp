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

}  // namespace hapair
