// Listening Unix sockets: their files, who may open them, and who holds them already.
#pragma once

#include "common/error.h"
#include "common/file_rights.h"
#include "proxy/config/bind.h"

namespace hapair::proxy {

/// An error if somebody answers at `address`, with that process's name if the kernel tells, or if
/// what stands at the path is no socket. A file that a dead process left is no obstacle.
Result<void> check_unix_free(const UnixAddress& address);

/// A listening socket at `address`, in place of a file that nobody answers on. The file has owner
/// and mode from the beginning: nobody can connect before.
Result<int> open_unix_listener(const UnixAddress& address, const ListenSocket& options);

/// Gives the file of a socket that stays open, so far with the rights of `before`, those of
/// `after`.
Result<FileRights> change_file_rights(const ListenSocket& before, const ListenSocket& after);

}  // namespace hapair::proxy
