// Small questions about text that both daemons ask.
#pragma once

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hapair {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Equal but for the case of ASCII letters (field names, tokens, units).
inline bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  return true;
}

/// Without the spaces and tabs at both ends. What is left, even if nothing, is a place in `text`.
inline std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  const char* begin = text.data();
  const char* end = begin + text.size();
  while (begin != end && blank(*begin)) ++begin;
  while (begin != end && blank(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// The parts between separators, empty ones included; at least one part.
std::vector<std::string_view> split(std::string_view text, char separator);

/// The whole of `text` as a decimal number, or nothing (sign, space, overflow, trailing bytes).
template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The candidate a person most likely meant by `word`, or nothing if none is close.
std::optional<std::string> nearest_word(std::string_view word,
                                        std::span<const std::string> candidates);

/// RFC 4648 base64 with padding; nothing if it is not that.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace hapair
