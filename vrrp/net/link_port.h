// How a virtual router speaks on its link.
#pragma once

#include "common/bytes.h"
#include "common/error.h"
#include "vrrp/core/ip_packet.h"

namespace hapair::vrrp {

/// An interface so that tests can put a simulated network in its place.
class LinkPort {
 public:
  virtual ~LinkPort() = default;
  /// A whole IP packet.
  virtual Result<void> send_advert(const Endpoints& way, ByteView packet) = 0;
  /// A whole Ethernet frame, on the interface with that index.
  virtual Result<void> send_frame(int index, ByteView frame) = 0;
};

}  // namespace hapair::vrrp
