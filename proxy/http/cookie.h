// Reads the fields Cookie and Set-Cookie, and says which bytes of them have to change (RFC 6265).
#pragma once

#include <string_view>

#include "proxy/http/field_cuts.h"
#include "proxy/http/message.h"

namespace hapair::http {

/// By name, whatever its case.
bool is_cookie(const Field& field);
bool is_set_cookie(const Field& field);

struct CookiePair {
  std::string_view text;   // all of it, without white space around
  std::string_view name;   // what stands before '='; without '=' there is no name, only a value
  std::string_view value;  // quotes, if any, included
};
/// The cookie a Set-Cookie field sets; its attributes are left aside.
CookiePair set_cookie_pair(const Field& field);

/// The whole line of a field, its CRLF included. The field must be one of a parsed head.
std::string_view line_of(const Field& field);

/// Walks the cookies of one Cookie field and collects what of them is to go. Those that stay keep
/// every byte. A ';' always separates, also between quotes: so do the servers that matter, and
/// nobody may hide a cookie from one of us that the other sees.
class CookieWalk {
 public:
  /// The field must be one of a parsed head. Ask next() until it says null: only then all
  /// cuts are made.
  CookieWalk(const Field& field, FieldCuts& cuts);

  /// The next cookie, or null after the last. Valid until the next call. Empty ones are passed
  /// over.
  const CookiePair* next();
  /// The cookie that next() gave goes, with the separator that it leaves over; the whole field if
  /// none stays.
  void remove() { removed_ = true; }
  /// These bytes of the cookie that next() gave go.
  void cut(std::string_view part);

 private:
  void settle();

  const Field& field_;
  FieldCuts& cuts_;
  std::string_view rest_;
  CookiePair pair_;
  bool has_pair_ = false;
  bool removed_ = false;
  const char* pending_ = nullptr;    // from here on, everything so far goes
  const char* kept_end_ = nullptr;   // end of the last cookie that stays
};

}  // namespace hapair::http
