#include "common/control_http.h"

#include <fmt/format.h>

#include <algorithm>

namespace hapair::control {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    default: return "Request Header Fields Too Large";
  }
}

}  // namespace

std::optional<RequestLine> parse_request_line(std::string_view line) {
  const auto before_target = line.find(' ');
  const auto before_version = line.rfind(' ');
  if (before_target == 0 || before_target == line.npos || before_version == before_target)
    return std::nullopt;
  if (!line.substr(before_version + 1).starts_with("HTTP/1.")) return std::nullopt;
  const std::string_view target =
      line.substr(before_target + 1, before_version - before_target - 1);
  return RequestLine{std::string(line.substr(0, before_target)),
                     std::string(target.substr(0, target.find('?')))};
}

std::string http_response(int status, std::string_view content_type, std::string_view body) {
  return fmt::format(
      "HTTP/1.0 {} {}\r\n{}Content-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "Connection: close\r\n\r\n{}",
      status, reason(status), status == 405 ? "Allow: GET\r\n" : "", content_type, body.size(),
      body);
}

}  // namespace hapair::control
