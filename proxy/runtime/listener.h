// Listening sockets: of every address, one for each worker.
#pragma once

#include <vector>

#include "common/error.h"
#include "proxy/config/bind.h"

namespace hapair::proxy {

/// An error if somebody listens there, with that process's name if the kernel tells, or if the
/// descriptor to inherit is not there. Ask for every socket before opening the first: a wildcard
/// and one address on its port go together only among our own.
Result<void> check_free(const ListenSocket& socket);

/// One descriptor for each worker.
using WorkerSockets = std::vector<int>;

/// Opens `socket` for `count` workers. The answer has one item, but for inherited sockets, of which
/// several may have the same name. TCP has a socket for each worker (the kernel spreads connections
/// over them); Unix and inherited sockets are one that they share. Free bind: a standby listens on
/// an address it does not hold yet. A Unix socket's file that nobody answers on is replaced. TCP
/// sockets that are not to listen refuse clients and keep the port; others let them wait.
Result<std::vector<WorkerSockets>> open_listeners(const ListenSocket& socket, unsigned count,
                                                  bool listening = true);

}  // namespace hapair::proxy
