#include "common/loop/log_address.h"

#include <sys/un.h>

#include <cstring>

namespace hapair {
namespace {

constexpr const char* kJournal = "/run/systemd/journal/socket";

}  // namespace

socklen_t log_address(const LogTarget& target, sockaddr_storage& out) {
  using Transport = LogTarget::Transport;
  if (target.transport == Transport::Udp || target.transport == Transport::Tcp)
    return target.address.to_sockaddr(out);
  auto& path = reinterpret_cast<sockaddr_un&>(out);
  path.sun_family = AF_UNIX;
  const char* where = target.transport == Transport::Journal ? kJournal : target.path.c_str();
  std::strncpy(path.sun_path, where, sizeof path.sun_path - 1);
  return sizeof path;
}

}  // namespace hapair
