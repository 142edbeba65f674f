// Where every key and value of a TOML text stands: the places, in the order of the file, that the
// TOML library does not keep. Pure.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace hapair {

/// A value's place. Offsets are bytes from the beginning of the text.
struct TomlOutline {
  enum class Kind { Scalar, Array, Table };
  struct Entry;

  Kind kind = Kind::Table;
  std::size_t at = 0;  // the first byte of the value; of the '[' of a header; of the key of a
                       // table that only dotted names imply
  std::vector<TomlOutline> items;  // of an array, [[tables]] too
  std::vector<Entry> entries;      // of a table

  // How the table came to be, which decides what may still be added to it (TOML 1.0): a header may
  // open one that others only implied; an inline table is complete.
  enum class Origin { Implied, Header, Dotted, Inline };
  Origin origin = Origin::Implied;
  bool is_table_array = false;  // an array made by [[header]]

  Entry* find(std::string_view key);
  const Entry* find(std::string_view key) const;
};

struct TomlOutline::Entry {
  std::string key;  // without quotes, escapes replaced
  std::size_t key_at = 0;
  TomlOutline value;
};

/// The first thing that is not TOML, in words for the person who wrote it.
struct TomlMistake {
  std::size_t at = 0;
  std::string message;
  std::string hint;
};

/// Reads the structure of `text` and finds nearly every mistake of syntax; what stands inside
/// numbers, dates and escapes is left to the library. Nesting is limited to 64 levels.
tl::expected<TomlOutline, TomlMistake> read_toml_outline(std::string_view text);

}  // namespace hapair
