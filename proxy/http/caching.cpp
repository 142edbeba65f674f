#include "proxy/http/caching.h"

#include <algorithm>

#include "common/text.h"

namespace hapair::http {
namespace {

/// Statuses that may be cached without being asked to (RFC 9110 15.1), less 206: parts of something
/// are kept by few, and the rest of it said the same.
bool is_cacheable_status(int status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501: return true;
    default: return false;
  }
}

enum class Word { Forbids, Invites, Neither };

Word judge(std::string_view directive) {
  const std::string_view name = trim(directive.substr(0, directive.find('=')));
  for (const std::string_view no : {"no-store", "no-cache", "private"})
    if (iequals(name, no)) return Word::Forbids;
  for (const std::string_view yes : {"public", "max-age", "s-maxage"})
    if (iequals(name, yes)) return Word::Invites;
  return Word::Neither;
}

}  // namespace

bool is_cacheable(Method method, const ResponseHead& response) {
  if ((method != Method::Get && method != Method::Head) || !is_cacheable_status(response.status))
    return false;
  bool invited = false;
  for (const Field& field : response.fields) {
    const auto is = [&](std::string_view name) { return iequals(field.name, name); };
    if (is("etag") || is("last-modified") || is("expires")) {
      invited = true;
    } else if (is("cache-control") || is("pragma")) {
      for (std::string_view rest = field.value; !rest.empty();) {
        const auto comma = std::min(rest.find(','), rest.size());
        const Word word = judge(rest.substr(0, comma));
        if (word == Word::Forbids) return false;
        invited = invited || word == Word::Invites;
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
    }
  }
  return invited;
}

}  // namespace hapair::http
