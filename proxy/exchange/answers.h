// The responses we give ourselves when no server does.
#pragma once

#include <string>
#include <string_view>

namespace hapair::exchange {

struct AnswerShape {
  bool head = false;   // the request was HEAD: no body
  bool close = false;  // the connection ends after it, and the client is told
};

/// A complete HTTP/1.1 response, byte for byte HAProxy's for 200 (monitor), 400, 403, 408, 429,
/// 500, 502, 503 and 504, ours for 404, 410 and 421; any other status reads as 500. Lives as long as
/// the process. 400 and 408 always close.
std::string_view answer(int status, AnswerShape shape = {});

/// 401 with "www-authenticate: Basic realm=…".
std::string unauthorized(std::string_view realm, AnswerShape shape = {});

/// Head of a 200 whose body of `length` bytes follows: the statistics page.
std::string page_head(std::string_view content_type, std::size_t length, AnswerShape shape = {});

}  // namespace hapair::exchange
