#include "proxy/exchange/redirect.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/http/reason.h"

namespace hapair::exchange {
namespace {

/// Without its port: that was the old scheme's.
std::string_view host_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

std::optional<std::string> redirect(const proxy::Redirect& to, const http::RequestHead& request,
                                    AnswerShape shape) {
  using Kind = proxy::Redirect::Kind;
  std::string_view path = request.path_query;
  if (to.kind != Kind::Location && !path.starts_with('/')) return std::nullopt;
  if (to.drop_query) path = path.substr(0, path.find('?'));
  std::string place = to.text;
  switch (to.kind) {
    case Kind::Location: break;
    case Kind::Prefix:
      // The two meet at one slash. A client who asks for "//host/" or "/\host/" must not choose
      // where a prefix of "/" leads: browsers read both as the name of a host.
      path.remove_prefix(std::min(path.find_first_not_of("/\\"), path.size()));
      if (!place.ends_with('/')) place += '/';
      place += path;
      break;
    case Kind::Scheme: {
      const std::string_view host = host_of(request.host);
      if (host.empty()) return std::nullopt;
      place += fmt::format("://{}", host);
      if (to.port != 0) place += fmt::format(":{}", to.port);
      place += path;
      break;
    }
  }
  return fmt::format("HTTP/1.1 {} {}\r\ncontent-length: 0\r\nlocation: {}\r\n{}{}\r\n", to.status,
                     http::reason_phrase(to.status), place,
                     to.status == 302 ? "cache-control: no-cache\r\n" : "",
                     shape.close ? "connection: close\r\n" : "");
}

}  // namespace hapair::exchange
