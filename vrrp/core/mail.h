// A mail that tells of a change, in keepalived's words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "vrrp/core/notice.h"

namespace hapair::vrrp {

struct Mail {
  std::string subject;
  std::string message;  // header and body, lines ended by CR LF
};

/// `node` is what keepalived calls router_id. Nothing: there are no mails of this.
std::optional<Mail> write_mail(const Notice& notice, const std::string& node,
                               const std::string& from, const std::vector<std::string>& to,
                               WallTime now);

}  // namespace hapair::vrrp
