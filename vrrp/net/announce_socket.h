// Puts finished Ethernet frames (gratuitous ARP) on one interface.
#pragma once

#include "common/bytes.h"
#include "common/error.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Sends only. Needs CAP_NET_RAW.
class AnnounceSocket {
 public:
  static Result<AnnounceSocket> open(int index);
  Result<void> send(ByteView frame);

 private:
  FileDescriptor fd_;
  int index_ = 0;
};

}  // namespace hapair::vrrp
