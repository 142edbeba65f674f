// Hears who on a link says that one of our virtual addresses is his.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/address.h"
#include "common/error.h"
#include "vrrp/core/mac_address.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

struct Speaker {
  MacAddress mac{};
  IpAddress address;
};

/// ARP for IPv4, neighbour advertisements for IPv6. Only what names one of the addresses gets past the
/// kernel, so a busy link costs nothing. Needs CAP_NET_RAW.
class SpeakerSocket {
 public:
  /// `addresses`: one family's, at least one.
  static Result<SpeakerSocket> open(int index, const std::vector<IpAddress>& addresses);

  int fd() const { return fd_.value(); }
  /// The next one; nothing when there is none.
  std::optional<Speaker> receive(std::span<std::uint8_t> buffer);

 private:
  FileDescriptor fd_;
  bool v6_ = false;
};

}  // namespace hapair::vrrp
