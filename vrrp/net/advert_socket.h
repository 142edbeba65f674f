// The raw sockets that carry a virtual router's adverts of one family.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/bytes.h"
#include "common/error.h"
#include "vrrp/core/ip_packet.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Receives either what comes to VRRP's group on one interface, or what comes to one of our own
/// addresses; nothing else, and not our own. Sends whole IP packets. Needs CAP_NET_RAW.
class AdvertSocket {
 public:
  struct Settings {
    bool v6 = false;
    std::uint8_t protocol = kProtocol;  // or kAuthHeaderProtocol
    std::string interface;  // where the group is joined
    int index = 0;
    /// Adverts leave here: the interface itself, or the macvlan that has its virtual address.
    std::string sending_interface = interface;
    int sending_index = index;
    IpAddress source{};  // as in the headers of what is sent
    /// Unicast: the address of ours that peers send to. Absent: the group.
    std::optional<IpAddress> local{};
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  static Result<AdvertSocket> open(const Settings& settings);

  /// For the loop: readable when receive() has something.
  int fd() const { return receiver_.value(); }
  /// The next packet, in `buffer`; nothing when there is none.
  std::optional<tl::expected<Datagram, Refusal>> receive(std::span<std::uint8_t> buffer);
  Result<void> send(const IpAddress& destination, ByteView packet);

 private:
  tl::expected<Datagram, Refusal> read(std::span<std::uint8_t> buffer, std::size_t size,
                                       const struct msghdr& message) const;

  Settings settings_;
  FileDescriptor receiver_;
  FileDescriptor sender_;
};

/// A socket that only sends whole IP packets, of one family. `interface` empty: wherever routes lead.
Result<FileDescriptor> open_packet_sender(bool v6, const std::string& interface, int index);
Result<void> send_packet(int fd, const IpAddress& destination, int index, ByteView packet);

}  // namespace hapair::vrrp
