// Small questions about text that both daemons ask.
#include "common/text.h"

#include <algorithm>
#include <cstdint>

namespace hapair {
namespace {

/// How many insertions, deletions, replacements and swaps of neighbours lie between the two, case
/// aside (optimal string alignment).
std::size_t typing_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char left = ascii_lower(a[i - 1]), right = ascii_lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (left == right ? 0U : 1U)});
      if (i > 1 && j > 1 && left == ascii_lower(b[j - 2]) && ascii_lower(a[i - 2]) == right)
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::string> nearest_word(std::string_view word,
                                        std::span<const std::string> candidates) {
  // A person mistypes a letter in three at most; words longer than any key are not mistyped keys,
  // and measuring them would take long.
  if (word.empty() || word.size() > 128) return std::nullopt;
  const std::string* best = nullptr;
  std::size_t best_distance =
      std::max<std::size_t>(1, std::min<std::size_t>(word.size() / 3, 4)) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate == word) continue;
    const std::size_t distance = typing_distance(word, candidate);
    if (distance < best_distance && distance < std::max(word.size(), candidate.size())) {
      best_distance = distance;
      best = &candidate;
    }
  }
  if (best) return *best;
  // Nothing alike: perhaps an abbreviation ("prio"), or a word too many ("server_timeout").
  for (const std::string& candidate : candidates) {
    const std::string_view shorter =
        word.size() < candidate.size() ? word : std::string_view(candidate);
    const std::string_view longer =
        word.size() < candidate.size() ? std::string_view(candidate) : word;
    if (shorter.size() >= 3 && shorter.size() < longer.size() &&
        (iequals(longer.substr(0, shorter.size()), shorter) ||
         (shorter.size() >= 4 && iequals(longer.substr(longer.size() - shorter.size()), shorter))))
      return candidate;
  }
  return std::nullopt;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pad = i >= text.size() - padding;
    const int digit = pad ? 0 : base64_digit(text[i]);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    const std::size_t unused = i + 1 == text.size() ? padding : 0;
    // RFC 4648 section 3.5: bits that padding leaves over must be zero, or two texts mean the same.
    if ((bits & ((1U << 8 * unused) - 1)) != 0) return std::nullopt;
    for (std::size_t byte = 0; byte + unused < 3; ++byte) out += static_cast<char>(bits >> (16 - 8 * byte));
    bits = 0;
  }
  return out;
}

}  // namespace hapair
