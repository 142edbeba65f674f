// The values a request has under one name: of a header field, a cookie, a query parameter.
#pragma once

#include <string>
#include <string_view>

#include "common/text.h"
#include "proxy/http/message.h"

namespace hapair::route {

/// "WWW.Example.org.:8080" as "WWW.Example.org"; an IPv6 address keeps its brackets.
inline std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

/// Calls use(value) for each field of that name until it answers true; answers whether it did.
template <typename Use>
bool any_header(const http::FieldList& fields, std::string_view name, Use use) {
  for (const http::Field& field : fields)
    if (iequals(field.name, name) && use(field.value)) return true;
  return false;
}

/// The same for cookies. Names count with their case; a pair of quotes around a value does not
/// count. Empty elements and such without '=' are no cookies.
template <typename Use>
bool any_cookie(const http::FieldList& fields, std::string_view name, Use use) {
  return any_header(fields, "cookie", [&](std::string_view rest) {
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto equals = pair.find('=');
      if (equals == pair.npos || trim(pair.substr(0, equals)) != name) continue;
      std::string_view value = trim(pair.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      if (use(value)) return true;
    }
    return false;
  });
}

/// '+' and percent-encoding decoded once; what is malformed stays as it is. A view of `text` where
/// there is nothing to decode, else of `buffer`.
std::string_view decode_query(std::string_view text, std::string& buffer);

/// The same for parameters of the query of `target`. Names count with their case, decoded.
template <typename Use>
bool any_query(std::string_view target, std::string_view name, Use use) {
  const auto mark = target.find('?');
  if (mark == target.npos) return false;
  std::string buffer;
  for (std::string_view rest = target.substr(mark + 1); !rest.empty();) {
    const auto end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    if (decode_query(pair.substr(0, equals), buffer) != name) continue;
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (use(decode_query(value, buffer))) return true;
  }
  return false;
}

}  // namespace hapair::route
