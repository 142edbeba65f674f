// The one cookie of a message that the access log shows.
#pragma once

#include <string>
#include <string_view>

#include "proxy/config/log_pattern.h"
#include "proxy/http/message.h"

namespace hapair::exchange {

/// "NAME=VALUE", as sent but for blanks around the '='. Copied: the log is written when the message
/// is gone. Keeps its memory.
class CapturedCookie {
 public:
  void clear() { text_.clear(); }
  /// Takes the first that fits from the fields Cookie of a request, or Set-Cookie of a response.
  void take_request(const proxy::CookieCapture& wanted, const http::FieldList& fields);
  void take_response(const proxy::CookieCapture& wanted, const http::FieldList& fields);
  /// Empty: there was none.
  std::string_view text() const { return text_; }

 private:
  bool take(const proxy::CookieCapture& wanted, std::string_view name, std::string_view value);

  std::string text_;
};

}  // namespace hapair::exchange
