// Finds in a request what the backend's algorithm hashes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/address.h"
#include "proxy/config/balance.h"
#include "proxy/exchange/key_hash.h"
#include "proxy/http/message.h"

namespace hapair::exchange {

/// What a TCP connection has.
std::optional<std::uint64_t> balance_key(const proxy::BalanceKey& wanted, const KeyHash& hash,
                                         const IpAddress& client);

/// What a request has. `body`: what is there of it, for `check_post`. Nothing where the request lacks
/// what is wanted, or has it empty: such a request is anybody's.
std::optional<std::uint64_t> balance_key(const proxy::BalanceKey& wanted, const KeyHash& hash,
                                         const IpAddress& client, const http::RequestHead& request,
                                         std::string_view body);

/// The key may stand in a body of which not everything is here: wait for it, as far as it fits a
/// buffer.
bool wants_body(const proxy::BalanceKey& wanted, const http::RequestHead& request);

/// The value of `name` in "a=1&b=2"; empty if it is not there.
std::string_view parameter(std::string_view list, std::string_view name);

}  // namespace hapair::exchange
