// Regular expressions. The only door to RE2.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/error.h"

namespace re2 {
class RE2;
}

namespace hapair {

/// A compiled pattern in RE2's syntax (no backreferences, no lookaround): the time it takes grows
/// with the text alone, so a stranger's text cannot stall us. Text is bytes, whatever its encoding,
/// and '.' is every byte: a pattern that forbids something is not passed by a broken UTF-8 sequence
/// or a line feed. Cheap to copy; any thread may ask one at any time.
class Regex {
 public:
  enum class Case { Matters, Ignored };
  /// The error says what is wrong with the pattern.
  static Result<Regex> compile(std::string_view pattern, Case letters = Case::Matters);

  /// Matches anywhere in `text`; '^' and '$' tie a pattern to its ends.
  bool matches(std::string_view text) const;
  /// The fewest bytes of `text` that hold a match. If more text may come (not `complete`), of those
  /// matches alone that hold whatever it is: '$' waits for the end and "\b" for a byte, so that the
  /// answer does not depend on how the text was cut.
  std::optional<std::size_t> first_end(std::string_view text, bool complete) const;
  /// As it was written.
  const std::string& pattern() const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace hapair
