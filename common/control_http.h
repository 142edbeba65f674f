// HTTP at a control socket, as much as a scraper needs: a GET is a command.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hapair::control {

/// A command whose answer whoever speaks HTTP gets as well.
struct Page {
  std::string_view path;          // "/metrics"
  std::string_view command;       // "show metrics"
  std::string_view content_type;  // of its answer
};

struct RequestLine {
  std::string method;
  std::string path;  // without what follows a '?'
};

/// The first line of an HTTP/1 request; nothing if it is something else.
std::optional<RequestLine> parse_request_line(std::string_view line);

/// A whole response, after which the connection ends. `status`: 200, 403, 404, 405 or 431.
std::string http_response(int status, std::string_view content_type, std::string_view body);

}  // namespace hapair::control
