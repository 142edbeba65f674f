// Whether a cache on the way could keep a response (RFC 9111).
#pragma once

#include "proxy/http/message.h"

namespace hapair::http {

/// True if a shared cache may store the response and serve it to others: nothing forbids it, and
/// something invites it (an expiry, a validator, "public"). Caches may also keep what has neither;
/// as in HAProxy, those responses do not count: no cache in use keeps them.
bool is_cacheable(Method method, const ResponseHead& response);

}  // namespace hapair::http
