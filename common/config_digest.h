// Whether two nodes have the same configuration, without showing it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config_reader.h"

namespace hapair {

/// A digest for each value of the document, by its path ("vrrp.instance.VI_1.priority"), keyed, so that a
/// password cannot be guessed from its digest.
class ConfigDigest {
 public:
  ConfigDigest() = default;
  /// `root`: the files as nobody sees them, without any node's overlay.
  ConfigDigest(const ConfigNode& root, std::string_view key);

  /// Of the whole: 16 hexadecimal digits; empty: there is no document.
  const std::string& whole() const { return whole_; }
  /// (path, 16 hexadecimal digits), sorted by path.
  const std::vector<std::pair<std::string, std::string>>& keys() const { return keys_; }

 private:
  std::string whole_;
  std::vector<std::pair<std::string, std::string>> keys_;
};

}  // namespace hapair
