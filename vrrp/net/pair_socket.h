// Datagrams between the two nodes of a pair.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/address.h"
#include "common/bytes.h"
#include "common/error.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// UDP, and nobody's but the other node's. What cannot be sent is lost: it is said again soon.
class PairSocket {
 public:
  /// `own` need not be on an interface yet.
  static Result<PairSocket> open(const IpAddress& own, const IpAddress& other, std::uint16_t port);

  int fd() const { return fd_.value(); }
  void send(ByteView datagram);
  /// The next one; nothing when there is none.
  std::optional<ByteView> receive(std::span<std::uint8_t> buffer);

 private:
  FileDescriptor fd_;
  SocketAddress other_;
};

}  // namespace hapair::vrrp
