// How connections get to a server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/address.h"

namespace hapair::proxy {

struct Approach {
  std::optional<UnixAddress> unix_socket;  // where the server is, instead of its address
  std::optional<IpAddress> source;         // which address of ours they come from
  std::uint16_t first_port = 0;            // and which ports; 0: whichever the kernel takes
  std::uint16_t last_port = 0;
  std::string interface;  // the only one they go out by; empty: as routed

  friend bool operator==(const Approach&, const Approach&) = default;
};

/// Connections begin with a PROXY header that says who the client is.
struct SendProxy {
  enum class Version { V1, V2 };
  Version version = Version::V1;
  bool crc32c = false;  // version 2: with a checksum

  friend bool operator==(const SendProxy&, const SendProxy&) = default;
};

}  // namespace hapair::proxy
