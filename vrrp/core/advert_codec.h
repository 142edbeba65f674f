// A virtual router's adverts between values and packets: who may speak, and how they are believed.
#pragma once

#include <cstdint>
#include <tl/expected.hpp>
#include <vector>

#include "common/clock.h"
#include "common/key_ring.h"
#include "vrrp/core/advert.h"
#include "vrrp/core/auth_trailer.h"
#include "vrrp/core/ip_packet.h"
#include "vrrp/core/sender_marks.h"

namespace hapair::vrrp {

struct Authentication {
  enum class Kind : std::uint8_t {
    None,
    Password,  // version 2: readable by everybody on the link
    Header,    // version 2: keepalived's AH
    Trailer,   // HMAC-SHA256
  };
  enum class Mode : std::uint8_t {  // of Trailer
    ReceiveOnly,  // signs nothing, and checks what is signed
    Permissive,   // signs, and believes what is not signed
    Enforce,      // signs, and believes nothing else
  };
  Kind kind = Kind::None;
  AuthBytes password{};
  KeyRing keys;
  Mode mode = Mode::Enforce;
  bool timed = true;  // Trailer: an advert must be of our time, give or take the window
  Duration window = std::chrono::seconds(5);
  friend bool operator==(const Authentication&, const Authentication&) = default;
};

/// Pure, but that it remembers: sequence numbers and stamps of what it sent, and of what it heard from
/// whom. Addresses of one family are in the advert of that family; one codec serves both.
class AdvertCodec {
 public:
  struct Settings {
    Version version = Version::V2;
    std::uint8_t virtual_router_id = 0;
    Duration interval = std::chrono::seconds(1);
    Authentication auth;
    ChecksumForm checksum = ChecksumForm::Plain;
    bool checksum_follows_peer = false;  // version 3: what we send is as what was heard last
    std::vector<IpAddress> own;          // what we send from
    std::vector<IpAddress> peers;        // who may speak; empty: everybody on the link
    std::uint8_t least_ttl = kTtl;       // of what is received
    std::uint8_t ttl = kTtl;             // of what is sent
  };
  explicit AdvertCodec(Settings settings) : settings_(std::move(settings)), checksum_(settings_.checksum) {}

  /// The whole packet of an advert. A priority of 0 resigns.
  Bytes encode(std::uint8_t priority, const std::vector<IpAddress>& addresses, const Endpoints& way,
               WallTime now);
  /// What does not come back as an advert changes nothing here.
  tl::expected<Advert, Refusal> decode(const Datagram& datagram, WallTime now);

  /// The networks of our link: without peers, who is not in one of them is a stranger.
  void set_networks(std::vector<Cidr> networks) { networks_ = std::move(networks); }
  /// Other settings from here on. What it remembers stays.
  void change(Settings settings);

  /// What must outlive the process, or replays would be believed and ours would not.
  struct Memory {
    std::uint32_t sequence = 0;  // of the last advert with a header, ours or heard
    std::vector<SenderMarks<std::uint32_t>::Entry> sequences;
    Stamp stamp;  // of our last advert with a trailer
    std::vector<SenderMarks<Stamp>::Entry> stamps;
    friend bool operator==(const Memory&, const Memory&) = default;
  };
  Memory memory() const;
  void resume(const Memory& memory);

 private:
  bool may_speak(const IpAddress& source) const;
  Terms terms() const;
  tl::expected<Advert, Refusal> decode_with_header(const Datagram& datagram);
  tl::expected<Advert, Refusal> decode_with_trailer(const Datagram& datagram, WallTime now);

  Settings settings_;
  ChecksumForm checksum_;  // of what we send
  std::vector<Cidr> networks_;
  std::uint16_t packet_id_ = 0;
  std::uint32_t sequence_ = 0;
  SenderMarks<std::uint32_t> sequences_;
  StampSource stamps_sent_;
  SenderMarks<Stamp> stamps_;
};

}  // namespace hapair::vrrp
