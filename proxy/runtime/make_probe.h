// From what the configuration says of a check to the conversation that does it.
#pragma once

#include <memory>
#include <string>

#include "proxy/config/check.h"
#include "proxy/health/conversation.h"

namespace hapair::proxy {

/// Null for a check that only connects, or that is a command. `host` stands in the Host field of
/// HTTP/1.1 if the check names none.
std::unique_ptr<health::Conversation> make_probe(const Check& check, const std::string& host);
/// `probe`, which may be null, within TLS if the check wants that; `address` is what the certificate
/// must be for if the check names nobody.
std::unique_ptr<health::Conversation> within_tls(const Check& check, const IpAddress& address,
                                                 std::unique_ptr<health::Conversation> probe);
/// The bytes of an HTTP check; `state` is the X-Haproxy-Server-State, empty: none.
std::string http_request(const Check& check, const std::string& host, const std::string& state);

}  // namespace hapair::proxy
