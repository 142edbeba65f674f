// What the VRRP daemon is asked to do: immutable, readable, defaults beside the fields.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "common/control_config.h"
#include "common/health_config.h"
#include "common/log.h"
#include "vrrp/config/notify.h"
#include "vrrp/config/tracking.h"

namespace hapair::vrrp {

struct Auth {
  enum class Type { None, Pass, Header, Hmac };
  enum class Mode { ReceiveOnly, Permissive, Enforce };  // of Hmac
  Type type = Type::None;
  std::string password;  // Pass and Header: at most 8 bytes, what VRRPv2 carries
  Mode mode = Mode::Enforce;
  bool timed = true;     // Hmac: an advert must be of our time, give or take the window
  Duration window{};     // zero: by the interval, five seconds at least
  friend bool operator==(const Auth&, const Auth&) = default;
};

/// Gratuitous ARP and unsolicited neighbour advertisements after a takeover; the defaults are
/// Keepalived's.
struct Announcements {
  int repeat = 5;                            // per address, back to back
  Duration delay = std::chrono::seconds(5);  // the same once more after this; zero: not
  Duration refresh = Duration::zero();       // while master, this often; zero: never
  int refresh_repeat = 1;
  /// While master, so often the link is asked whether somebody else has an address; zero: never.
  Duration probe = std::chrono::seconds(30);
  friend bool operator==(const Announcements&, const Announcements&) = default;
};

enum class InitialState { Master, Backup };

enum class Preempt { Always, Delay, Never };

/// How the checksum of a version 3 advert is formed (core/advert.h tells why there are two ways).
/// Auto: with the pseudo header, as keepalived and FRR do, until a peer was heard to do otherwise.
enum class ChecksumChoice { Auto, Pseudo, Plain };

struct VirtualAddress {
  Cidr address;
  std::string interface;  // empty: the instance's
  std::string label;      // IPv4; empty: none
  int scope = 0;          // RT_SCOPE_*; 0 is global
  bool advertised = true; // in the advert, where others compare the list with theirs
  friend bool operator==(const VirtualAddress&, const VirtualAddress&) = default;
};

/// A route that exists where the virtual addresses are.
struct VirtualRoute {
  Cidr to;
  std::optional<IpAddress> via;
  std::optional<IpAddress> source;
  std::string interface;  // empty: the instance's
  std::uint32_t metric = 0;
  std::uint32_t table = 0;  // 0: main
  friend bool operator==(const VirtualRoute&, const VirtualRoute&) = default;
};

/// Who may speak as a peer.
struct Peers {
  enum class Kind {
    Nodes,   // the other [node.NAME] of the file; if there are none: the link
    Link,    // whoever is on the link
    Listed,
  };
  Kind kind = Kind::Nodes;
  std::vector<IpAddress> addresses;  // Listed
  friend bool operator==(const Peers&, const Peers&) = default;
};

struct Instance {
  std::string name;
  std::string interface;  // "auto": the one whose network holds the first virtual address
  int version = 2;        // of the protocol: 2 or 3
  InitialState state = InitialState::Backup;  // Master: claims at once instead of listening first
  int virtual_router_id = 0;                  // 1..255
  int priority = 100;                         // 1..255; 255 owns the addresses and never changes
  /// Version 2: whole seconds, 1..255. Version 3: 10 ms to 40.95 s in steps of 10 ms.
  Duration advert_interval = std::chrono::seconds(1);
  Duration longest_adopted{};  // version 3: of a master's interval; zero: three of ours
  ChecksumChoice checksum = ChecksumChoice::Auto;  // version 3
  std::vector<VirtualAddress> virtual_addresses;   // at least one
  std::vector<VirtualRoute> virtual_routes;
  std::optional<IpAddress> source;                     // of adverts; absent: the node's address
  std::vector<IpAddress> unicast_peers;                // empty: multicast
  int unicast_ttl = 255;
  int least_ttl = 0;  // of received unicast; 0: not looked at
  Peers peers;
  bool virtual_mac = false;
  std::string virtual_mac_name;                        // empty: vrrp.ID, vrrp6.ID
  /// How long the kernel keeps an address that is not renewed; zero: for ever. Absent: by the interval.
  std::optional<Duration> lease;
  /// False: a master drops what is sent to its addresses, unless it owns them (priority 255). RFC 9568
  /// section 6.1 has this the other way round, but a proxy serves there.
  bool accept = true;
  std::vector<Tracking> tracked;                       // whatever counts as good or bad
  bool track_own_interface = true;                     // its link down means FAULT
  Preempt preempt = Preempt::Always;
  Duration preempt_delay{};
  Duration startup_delay{};
  Duration hold_down{};
  Auth auth;
  Announcements announcements;
  Notify notify;
  /// Of the other node's instance of this name while all is well there; absent: not known.
  std::optional<std::uint8_t> peer_priority;

  bool has(bool v6) const {
    for (const VirtualAddress& address : virtual_addresses)
      if (address.advertised && address.address.address.is_v6() == v6) return true;
    return false;
  }
  bool is_closed() const { return !accept && priority != 255; }
  friend bool operator==(const Instance&, const Instance&) = default;
};

/// Instances that are masters together, or none of them.
struct SyncGroup {
  std::string name;
  std::vector<std::string> instances;
  Notify notify;
  friend bool operator==(const SyncGroup&, const SyncGroup&) = default;
};

struct Node {
  std::string name;
  IpAddress address;
  friend bool operator==(const Node&, const Node&) = default;
};

/// The pair channel: [pair].
struct PairSettings {
  std::string key_file;  // empty: none
  bool channel = true;   // if there is a key and one other node
  std::uint16_t port = 5112;  // UDP
  Duration drain_limit = std::chrono::minutes(10);  // of connections that a handover leaves behind
  bool drills = false;        // the other node may ask for one
  friend bool operator==(const PairSettings&, const PairSettings&) = default;
};

struct Config {
  std::string node;                 // who we are
  std::optional<IpAddress> source;  // [node.NAME] address; absent: the interface's primary address
  std::vector<Node> other_nodes;    // those that have an address
  PairSettings pair;
  HealthSocket health;              // where the proxy's heartbeat is heard
  std::vector<LogTarget> log;
  std::vector<Script> scripts;
  std::string script_user;           // who runs those that name nobody; empty: the daemon's choice
  std::vector<TrackFile> track_files;
  std::vector<TrackProcess> track_processes;
  std::vector<Instance> instances;
  std::vector<SyncGroup> sync_groups;
  bool guardian = true;  // a process that resigns for a daemon that died
  bool realtime = true;  // scheduling class and locked memory
  std::string notify_user;   // who notifying scripts run as; empty: see runtime/script_user.h
  std::string notify_fifo;   // told of every instance and group; empty: none
  std::optional<AlertMail> mail;
  std::string run_directory = "/run/hapair";  // what outlives a restart, but not the machine's
  std::vector<ControlSocket> control;         // empty: the default one

  /// Those of that name; the loader has checked that they exist.
  const Script& script(const std::string& name) const;
  const TrackFile& track_file(const std::string& name) const;
  const TrackProcess& track_process(const std::string& name) const;
  /// Some instance signs its adverts, or the two nodes speak with each other.
  bool needs_keys() const;
  bool has_pair_channel() const;
};

/// Notes how high the instances of `other`, the same file as the other node sees it, stand while all is
/// well there.
void take_peer_priorities(Config& config, const Config& other);

}  // namespace hapair::vrrp
