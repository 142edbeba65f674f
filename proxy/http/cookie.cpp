#include "proxy/http/cookie.h"

#include <algorithm>
#include <utility>

#include "common/text.h"

namespace hapair::http {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

const char* end_of(std::string_view text) { return text.data() + text.size(); }

CookiePair split_pair(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == text.npos) return {text, text.substr(0, 0), text};
  return {text, trim(text.substr(0, equals)), trim(text.substr(equals + 1))};
}

}  // namespace

bool is_cookie(const Field& field) {
  return field.name.size() == 6 && iequals(field.name, "cookie");
}

bool is_set_cookie(const Field& field) {
  return field.name.size() == 10 && iequals(field.name, "set-cookie");
}

CookiePair set_cookie_pair(const Field& field) {
  return split_pair(trim(field.value.substr(0, field.value.find(';'))));
}

std::string_view line_of(const Field& field) {
  const char* end = end_of(field.value);
  while (*end != '\n') ++end;  // white space behind the value, then CRLF
  return between(field.name.data(), end + 1);
}

CookieWalk::CookieWalk(const Field& field, FieldCuts& cuts)
    : field_(field), cuts_(cuts), rest_(field.value) {}

const CookiePair* CookieWalk::next() {
  settle();
  while (!rest_.empty()) {
    const auto separator = std::min(rest_.find(';'), rest_.size());
    const std::string_view text = trim(rest_.substr(0, separator));
    rest_.remove_prefix(std::min(separator + 1, rest_.size()));
    if (text.empty()) continue;
    pair_ = split_pair(text);
    has_pair_ = true;
    return &pair_;
  }
  if (!pending_) return nullptr;
  cuts_.add(kept_end_ ? between(kept_end_, end_of(field_.value)) : line_of(field_));
  pending_ = nullptr;
  return nullptr;
}

void CookieWalk::cut(std::string_view part) {
  if (pending_) cuts_.add(between(pending_, pair_.text.data()));
  pending_ = nullptr;
  cuts_.add(part);
}

/// The fate of the cookie that next() gave last is known.
void CookieWalk::settle() {
  if (!has_pair_) return;
  has_pair_ = false;
  if (std::exchange(removed_, false)) {
    if (!pending_) pending_ = pair_.text.data();
    return;
  }
  if (pending_) cuts_.add(between(pending_, pair_.text.data()));
  pending_ = nullptr;
  kept_end_ = end_of(pair_.text);
}

}  // namespace hapair::http
