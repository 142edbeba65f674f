// How a virtual router speaks on its link.
#pragma once

#include "common/bytes.h"
#include "common/error.h"

namespace hapair::vrrp {

/// An interface so that tests can put a simulated network in its place.
class LinkPort {
 public:
  virtual ~LinkPort() = default;
  /// A whole IPv4 packet to 224.0.0.18.
  virtual Result<void> send_advert(ByteView packet) = 0;
  /// A whole Ethernet frame.
  virtual Result<void> send_frame(ByteView frame) = 0;
};

}  // namespace hapair::vrrp
