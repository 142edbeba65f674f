#include "vrrp/core/advert_codec.h"

#include <algorithm>

#include "vrrp/core/auth_header.h"

namespace hapair::vrrp {
namespace {

using Kind = Authentication::Kind;
using Mode = Authentication::Mode;

AuthType type_of(Kind kind) {
  return kind == Kind::Password ? AuthType::Pass
         : kind == Kind::Header ? AuthType::Header
                                : AuthType::None;
}

bool is_link_local(const IpAddress& address) {
  return address.is_v6() && address.data()[0] == 0xFE && (address.data()[1] & 0xC0) == 0x80;
}

/// As serial numbers (RFC 1982): a jump of half the circle and more is none forward.
bool is_after(std::uint32_t sequence, std::uint32_t before) {
  return static_cast<std::int32_t>(sequence - before) > 0;
}

Duration distance(Stamp stamp, WallTime now) {
  const auto seconds = static_cast<std::int32_t>(
      static_cast<std::uint32_t>(stamp.seconds()) -
      static_cast<std::uint32_t>(Stamp::at(now).seconds()));
  return std::chrono::seconds(std::abs(std::int64_t{seconds}));
}

/// The virtual router id of the message, if it has come so far.
std::optional<std::uint8_t> router_id(const Datagram& datagram) {
  const std::size_t at = datagram.protocol == kAuthHeaderProtocol ? 24 + 1 : 1;
  if (datagram.payload.size() <= at) return std::nullopt;
  return datagram.payload[at];
}

}  // namespace

Terms AdvertCodec::terms() const {
  return {.version = settings_.version,
          .virtual_router_id = settings_.virtual_router_id,
          .interval = settings_.interval,
          .auth_type = type_of(settings_.auth.kind),
          .auth = settings_.auth.password};
}

Bytes AdvertCodec::encode(std::uint8_t priority, const std::vector<IpAddress>& addresses,
                          const Endpoints& way, WallTime now) {
  const Authentication& auth = settings_.auth;
  Advert advert{.version = settings_.version,
                .virtual_router_id = settings_.virtual_router_id,
                .priority = priority,
                .interval = settings_.interval,
                .checksum = checksum_,
                .auth_type = type_of(auth.kind),
                .addresses = addresses};
  if (auth.kind == Kind::Password) advert.auth = auth.password;
  if (++packet_id_ == 0) packet_id_ = 1;
  Bytes message = encode_message(advert, way);
  if (auth.kind == Kind::Header) {
    if (++sequence_ == 0) sequence_ = 1;
    return write_auth_header(way, settings_.ttl, packet_id_, auth.password, sequence_, message);
  }
  if (auth.kind == Kind::Trailer && auth.mode != Mode::ReceiveOnly) {
    const Bytes trailer = write_auth_trailer(way.source, message, auth.keys.keys.front(),
                                             stamps_sent_.next(now, auth.window));
    message = encode_message(advert, way, trailer);
  }
  return write_packet(way, kProtocol, settings_.ttl, packet_id_, message);
}

bool AdvertCodec::may_speak(const IpAddress& source) const {
  const auto is_peer = [&](const IpAddress& peer) { return peer == source; };
  const auto same_family = [&](const IpAddress& peer) { return peer.is_v4() == source.is_v4(); };
  if (std::ranges::any_of(settings_.peers, is_peer)) return true;
  // Peers that are known by an address of the other family alone say nothing about this one: there a
  // neighbour on the link is believed, as far as its signature is.
  if (std::ranges::any_of(settings_.peers, same_family)) return false;
  if (source.is_v6()) return is_link_local(source);
  return std::ranges::any_of(networks_, [&](const Cidr& net) { return net.contains(source); });
}

tl::expected<Advert, Refusal> AdvertCodec::decode(const Datagram& datagram, WallTime now) {
  const auto refuse = [](Refusal why) { return tl::make_unexpected(why); };
  const IpAddress& source = datagram.way.source;
  if (datagram.protocol != kProtocol && datagram.protocol != kAuthHeaderProtocol)
    return refuse(Refusal::Header);
  // Other routers of the link are nobody's trouble, whatever else is wrong with what they send.
  const auto router = router_id(datagram);
  if (!router) return refuse(Refusal::Length);
  if (*router != settings_.virtual_router_id) return refuse(Refusal::Vrid);
  if (datagram.ttl < settings_.least_ttl) return refuse(Refusal::Ttl);
  if (std::ranges::find(settings_.own, source) != settings_.own.end())
    return refuse(Refusal::OwnAddress);
  if (!may_speak(source)) return refuse(Refusal::Stranger);
  const bool has_header = datagram.protocol == kAuthHeaderProtocol;
  if (has_header != (settings_.auth.kind == Kind::Header)) return refuse(Refusal::AuthKind);

  auto advert = has_header ? decode_with_header(datagram) : decode_with_trailer(datagram, now);
  if (advert && settings_.checksum_follows_peer && !datagram.way.is_v6())
    checksum_ = advert->checksum;
  return advert;
}

tl::expected<Advert, Refusal> AdvertCodec::decode_with_header(const Datagram& datagram) {
  const auto header = read_auth_header(datagram, settings_.auth.password);
  if (!header) return tl::make_unexpected(header.error());
  const IpAddress& source = datagram.way.source;
  const std::uint32_t* before = sequences_.find(source);
  if (before && !is_after(header->sequence, *before)) return tl::make_unexpected(Refusal::Replay);
  auto advert = decode_message(header->message, datagram.way, terms());
  if (!advert) return advert;
  sequences_.set(source, header->sequence);
  // Keepalived counts what it sends and what it hears with one number, and believes only greater ones.
  if (is_after(header->sequence, sequence_)) sequence_ = header->sequence;
  return advert;
}

tl::expected<Advert, Refusal> AdvertCodec::decode_with_trailer(const Datagram& datagram,
                                                               WallTime now) {
  const auto refuse = [](Refusal why) { return tl::make_unexpected(why); };
  const Authentication& auth = settings_.auth;
  const ByteView bytes = datagram.payload;
  const auto size = message_size(bytes, datagram.way.is_v6());
  const bool has_trailer = size && bytes.size() == *size + kAuthTrailerSize;
  if (!has_trailer) {
    auto advert = decode_message(bytes, datagram.way, terms());
    // What is not an advert at all is better told than what it lacks.
    if (advert && auth.kind == Kind::Trailer && auth.mode == Mode::Enforce)
      return refuse(Refusal::AuthKind);
    return advert;
  }
  if (auth.kind != Kind::Trailer) return refuse(Refusal::AuthKind);
  const ByteView behind = bytes.subspan(*size);
  const auto trailer = read_auth_trailer(behind);
  if (!trailer) return refuse(Refusal::AuthKind);
  // Before the signature, which costs more.
  if (auth.timed && distance(trailer->stamp, now) > auth.window) return refuse(Refusal::Clock);
  const KeyRing::Key* key = auth.keys.find(trailer->key_id);
  if (!key) return refuse(Refusal::Key);
  const IpAddress& source = datagram.way.source;
  if (!is_signed(source, bytes.first(*size), behind, *key)) return refuse(Refusal::Signature);
  const Stamp* before = stamps_.find(source);
  // A mark that is itself out of the window is of a clock that was wrong.
  const bool counts = before && (!auth.timed || distance(*before, now) <= auth.window);
  if (counts && !trailer->stamp.is_after(*before)) return refuse(Refusal::Replay);
  auto advert = decode_message(bytes, datagram.way, terms(), kAuthTrailerSize);
  if (advert) stamps_.set(source, trailer->stamp);
  return advert;
}

void AdvertCodec::change(Settings settings) {
  // What the peer was heard to use stays as long as it may be followed.
  if (settings.checksum != settings_.checksum ||
      settings.checksum_follows_peer != settings_.checksum_follows_peer)
    checksum_ = settings.checksum;
  settings_ = std::move(settings);
}

AdvertCodec::Memory AdvertCodec::memory() const {
  return {.sequence = sequence_,
          .sequences = sequences_.entries(),
          .stamp = stamps_sent_.last(),
          .stamps = stamps_.entries()};
}

void AdvertCodec::resume(const Memory& memory) {
  sequence_ = memory.sequence;
  for (const auto& entry : memory.sequences) sequences_.set(entry.sender, entry.mark);
  stamps_sent_.resume(memory.stamp);
  for (const auto& entry : memory.stamps) stamps_.set(entry.sender, entry.mark);
}

}  // namespace hapair::vrrp
