#include "proxy/exchange/captured_cookie.h"

#include "proxy/http/cookie.h"

namespace hapair::exchange {

bool CapturedCookie::take(const proxy::CookieCapture& wanted, std::string_view name,
                          std::string_view value) {
  const bool fits = wanted.whole ? name == wanted.name : name.starts_with(wanted.name);
  if (!fits || name.empty()) return false;
  text_.append(name.substr(0, wanted.length)).append("=").append(value.substr(0, wanted.length));
  if (text_.size() > wanted.length) text_.resize(wanted.length);
  return true;
}

void CapturedCookie::take_request(const proxy::CookieCapture& wanted,
                                  const http::FieldList& fields) {
  clear();
  http::FieldCuts none;
  for (const http::Field& field : fields) {
    if (!http::is_cookie(field)) continue;
    http::CookieWalk walk(field, none);
    while (const http::CookiePair* pair = walk.next())
      if (take(wanted, pair->name, pair->value)) return;
  }
}

void CapturedCookie::take_response(const proxy::CookieCapture& wanted,
                                   const http::FieldList& fields) {
  clear();
  for (const http::Field& field : fields) {
    if (!http::is_set_cookie(field)) continue;
    const http::CookiePair pair = http::set_cookie_pair(field);
    if (take(wanted, pair.name, pair.value)) return;
  }
}

}  // namespace hapair::exchange
