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

const std::string& Regex::pattern() const { return compiled_->pattern(); }

}  // namespace hapair
