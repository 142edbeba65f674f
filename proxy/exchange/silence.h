// How long both sides of a tunnel may be silent, and for whose silence it ends.
#pragma once

#include <algorithm>

#include "proxy/config/config.h"

namespace hapair::exchange {

struct Silence {
  Duration longest;
  char cause;  // as Termination::cause
};

/// One deadline for both sides: HAProxy's tunnel timeout if it is set, else the longer of the two.
/// Who has ended his direction is not waited for. Of two who may both speak it is the client who
/// should have, as in HAProxy, unless it is the server's timeout that ran out.
inline Silence tunnel_silence(const proxy::Timeouts& frontend, const proxy::Timeouts& backend,
                              bool client_ended, bool server_ended) {
  const bool tunnel = backend.tunnel > Duration::zero();
  const bool by_client =
      !client_ended && (server_ended || tunnel || frontend.client >= backend.server);
  return {tunnel ? backend.tunnel : std::max(frontend.client, backend.server),
          by_client ? 'c' : 's'};
}

}  // namespace hapair::exchange
