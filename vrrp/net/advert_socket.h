// The raw sockets that carry adverts on one interface.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "common/bytes.h"
#include "common/error.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Receives what comes to 224.0.0.18 on its interface and nothing else: no unicast, no other
/// interface, not our own. Sends whole IPv4 packets. Needs CAP_NET_RAW.
class AdvertSocket {
 public:
  static Result<AdvertSocket> open(const std::string& interface, int index);

  /// For the loop: readable when receive() has something.
  int fd() const { return receiver_.value(); }
  /// The next packet with its IPv4 header, in `buffer`; nothing when there is none.
  std::optional<ByteView> receive(std::span<std::uint8_t> buffer);
  Result<void> send(ByteView packet);

 private:
  FileDescriptor receiver_;
  FileDescriptor sender_;
  int index_ = 0;
};

}  // namespace hapair::vrrp
