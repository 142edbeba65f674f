// Checks HTTP Basic credentials without telling by its timing how close they were.
#pragma once

#include <span>
#include <string_view>

#include "proxy/config/config.h"

namespace hapair::exchange {

/// `authorization` is the value of the field ("Basic YWRtaW46YWRtaW4="), empty if there was none.
/// True if it names one of `users` with that user's password, or if there are no users to check.
bool is_authorized(std::string_view authorization, std::span<const proxy::Stats::User> users);

}  // namespace hapair::exchange
