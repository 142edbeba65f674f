// The header fields of one message that the access log shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/log_pattern.h"
#include "proxy/http/message.h"

namespace hapair::exchange {

/// Values are copied: the log is written when the message is gone. Keeps its memory.
class CapturedFields {
 public:
  void clear() {
    bytes_.clear();
    ends_.clear();
  }
  /// Takes the last field of each name, as much of it as is wanted.
  void take(const std::vector<proxy::HeaderCapture>& wanted, const http::FieldList& fields);
  /// Empty if there was none.
  std::string_view operator[](std::size_t index) const {
    if (index >= ends_.size()) return {};
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }
  std::size_t bytes() const { return bytes_.size(); }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace hapair::exchange
