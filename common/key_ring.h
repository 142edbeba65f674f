// The pair's keys: what signs adverts and what the two nodes tell each other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace hapair {

/// Keys with ids, so that one can follow another without a moment in which the nodes do not
/// understand each other: add the new one behind the old on both nodes, put it first, remove the old.
struct KeyRing {
  static constexpr std::size_t kShortest = 32;  // bytes
  static constexpr std::size_t kLongest = 64;

  struct Key {
    std::uint8_t id = 0;
    std::string secret;  // kShortest to kLongest bytes
    friend bool operator==(const Key&, const Key&) = default;
  };
  std::vector<Key> keys;  // the first signs, all are believed

  const Key* find(std::uint8_t id) const;
  friend bool operator==(const KeyRing&, const KeyRing&) = default;
};

/// Reads a key file: a key a line, "ID HEX"; '#' begins a comment. `name` is what messages call it.
/// No message has anything of a key in it.
Result<KeyRing> parse_key_ring(std::string_view text, std::string_view name);
/// Opens and reads it. A file that others than its owner and group may read is refused.
Result<KeyRing> read_key_ring(const std::string& path);
/// One new key as a line of such a file, with its newline.
std::string make_key_line(std::uint8_t id);

}  // namespace hapair
