#include "common/regex.h"

#include <re2/re2.h>

namespace hapair {
namespace {

// What one pattern may take at most, compiled and with its states.
constexpr int kMostMemory = 1 << 20;

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern, Case letters) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_dot_nl(true);
  options.set_case_sensitive(letters == Case::Matters);
  options.set_max_mem(kMostMemory);
  auto compiled = std::make_shared<const re2::RE2>(
      re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok())
    return fail(Errc::Syntax, "\"{}\" is no regular expression: {}", pattern, compiled->error());
  return Regex(std::move(compiled));
}

bool Regex::matches(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

std::optional<std::size_t> Regex::first_end(std::string_view text, bool complete) const {
  // Within the first `end` bytes of `of`; what stands behind them is seen, and is no end.
  const auto holds = [this](std::string_view of, std::size_t end) {
    return compiled_->Match({of.data(), of.size()}, 0, end, re2::RE2::UNANCHORED, nullptr, 0);
  };
  std::size_t enough = text.size();
  if (complete) {
    if (!holds(text, enough)) return std::nullopt;
  } else if (enough == 0 || !holds(text, --enough)) {
    // The last byte may end a match if it does so before a letter, a line's end and all else.
    std::string longer(text);
    longer += ' ';
    for (const char next : {' ', 'a', '\n'}) {
      longer.back() = next;
      if (!holds(longer, text.size())) return std::nullopt;
    }
    return text.size();
  }
  // A match within some bytes is one within more.
  std::size_t low = 0;
  while (low < enough) {
    const std::size_t middle = low + (enough - low) / 2;
    if (holds(text, middle))
      enough = middle;
    else
      low = middle + 1;
  }
  return enough;
}

const std::string& Regex::pattern() const { return compiled_->pattern(); }

}  // namespace hapair
