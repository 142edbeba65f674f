// Puts finished Ethernet frames (announcements, address probes) on interfaces.
#pragma once

#include "common/bytes.h"
#include "common/error.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Sends only. Needs CAP_NET_RAW.
class AnnounceSocket {
 public:
  static Result<AnnounceSocket> open();
  Result<void> send(int index, ByteView frame);

 private:
  FileDescriptor fd_;
};

}  // namespace hapair::vrrp
