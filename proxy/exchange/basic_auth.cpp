#include "proxy/exchange/basic_auth.h"

#include "common/crypto.h"
#include "common/text.h"

namespace hapair::exchange {

bool is_authorized(std::string_view authorization, std::span<const proxy::Stats::User> users) {
  if (users.empty()) return true;
  const auto space = authorization.find(' ');
  if (space == authorization.npos || !iequals(authorization.substr(0, space), "basic"))
    return false;
  const auto given = decode_base64(trim(authorization.substr(space)));
  if (!given) return false;
  bool known = false;
  // Every user is compared, so that the time does not tell which one exists. A name has no colon
  // (RFC 7617 section 2): "name:password" as one text is unambiguous.
  for (const auto& user : users)
    known |= constant_time_equal(*given, user.name + ':' + user.password);
  return known;
}

}  // namespace hapair::exchange
