// How a cookie keeps visitors on their server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace hapair::proxy {

struct CookiePersistence {
  enum class Mode {
    Insert,   // a cookie of ours names the server
    Prefix,   // "SERVER~" before the value of a cookie of the application's
    Rewrite,  // the application sets the cookie, we write the server into it
  };
  std::string name;
  Mode mode = Mode::Insert;
  std::string dynamic_key;  // servers without a cookie get a value made with this; empty: they don't
  // For Insert alone:
  bool indirect = false;   // the servers never see it
  bool nocache = false;    // a cacheable response that sets it becomes private
  bool postonly = false;   // only in responses to POST
  bool preserve = false;   // the application may set or end it itself
  bool httponly = false;
  bool secure = false;
  std::vector<std::string> domains;
  std::vector<std::string> attributes;  // verbatim, as "SameSite=Lax"
  Duration max_idle{};                  // since it was last seen; zero: no limit
  Duration max_life{};                  // since it was first given; zero: no limit

  bool dated() const { return max_idle > Duration::zero() || max_life > Duration::zero(); }
};

/// Between the server's cookie and the application's value (Prefix).
inline constexpr char kCookieDelimiter = '~';
/// Between the server's cookie and the dates (max_idle, max_life).
inline constexpr char kCookieDateDelimiter = '|';
/// What name, domains and attributes of one cookie may take together, and a server's cookie.
inline constexpr std::size_t kLongestCookieText = 1024;
inline constexpr std::size_t kLongestServerCookie = 128;

/// RFC 6265 section 4.1.1: what a cookie's value may hold without quotes.
constexpr bool is_cookie_octet(char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

}  // namespace hapair::proxy
