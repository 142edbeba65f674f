// Sends a client elsewhere.
#pragma once

#include <optional>
#include <string>

#include "proxy/config/route.h"
#include "proxy/exchange/answers.h"
#include "proxy/http/message.h"

namespace hapair::exchange {

/// The whole response. Nothing if the request does not say what the new place is made of: it has
/// no Host for another scheme, or no path for another prefix ("OPTIONS *").
std::optional<std::string> redirect(const proxy::Redirect& to, const http::RequestHead& request,
                                    AnswerShape shape);

}  // namespace hapair::exchange
