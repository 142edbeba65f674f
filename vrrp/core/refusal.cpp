#include "vrrp/core/refusal.h"

namespace hapair::vrrp {

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::Header: return "malformed IP header";
    case Refusal::Ttl: return "TTL is not 255";
    case Refusal::OwnAddress: return "our own source address";
    case Refusal::Stranger: return "sender is no peer of ours";
    case Refusal::Length: return "too short";
    case Refusal::Version: return "version is not ours";
    case Refusal::Type: return "type is not advertisement";
    case Refusal::Vrid: return "another virtual router id";
    case Refusal::Count: return "address count does not fit the length";
    case Refusal::Checksum: return "bad checksum";
    case Refusal::AuthKind: return "authentication type mismatch";
    case Refusal::Password: return "wrong password";
    case Refusal::Key: return "signed with a key that is not ours";
    case Refusal::Signature: return "wrong signature";
    case Refusal::Clock: return "signed at another time: one of the two clocks is wrong";
    case Refusal::Replay: return "heard before";
    case Refusal::Interval: return "advertisement interval mismatch";
  }
  return "unknown";
}

std::string_view counter_name(Refusal refusal) {
  switch (refusal) {
    case Refusal::Header: return "header";
    case Refusal::Ttl: return "ttl";
    case Refusal::OwnAddress: return "own_address";
    case Refusal::Stranger: return "stranger";
    case Refusal::Length: return "length";
    case Refusal::Version: return "version";
    case Refusal::Type: return "type";
    case Refusal::Vrid: return "vrid";
    case Refusal::Count: return "count";
    case Refusal::Checksum: return "checksum";
    case Refusal::AuthKind: return "auth_type";
    case Refusal::Password: return "password";
    case Refusal::Key: return "key";
    case Refusal::Signature: return "signature";
    case Refusal::Clock: return "clock";
    case Refusal::Replay: return "replay";
    case Refusal::Interval: return "interval";
  }
  return "unknown";
}

}  // namespace hapair::vrrp
