// What the VRRP daemon is asked to do: immutable, readable, defaults beside the fields.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "common/log.h"

namespace hapair::vrrp {

/// A command whose exit status says whether this node is fit to be master.
struct Script {
  std::string name;
  std::vector<std::string> command;  // argv; run without a shell
  Duration interval = std::chrono::seconds(1);
  Duration timeout = interval;  // a run that takes longer has failed
  int rise = 1;                 // successes in a row that make it good
  int fall = 1;                 // failures in a row that make it bad
  int weight = 0;               // > 0: added while good; < 0: added while bad; 0: bad means FAULT
};

struct Auth {
  enum class Type { None, Pass };
  Type type = Type::None;
  std::string password;  // at most 8 bytes: what VRRPv2 carries
};

/// Gratuitous ARP after a takeover; the defaults are Keepalived's.
struct Announcements {
  int repeat = 5;                            // per address, back to back
  Duration delay = std::chrono::seconds(5);  // the same once more after this; zero: not
  Duration refresh = Duration::zero();       // while master, this often; zero: never
  int refresh_repeat = 1;
};

enum class InitialState { Master, Backup };

/// How the checksum of a version 3 advert is formed (core/advert.h tells why there are two ways).
/// Auto: with the pseudo header, as keepalived and FRR do, until a peer was heard to do otherwise.
enum class ChecksumChoice { Auto, Pseudo, Plain };

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
  std::vector<Cidr> virtual_addresses;                 // IPv4, at least one
  std::vector<std::string> track_scripts;              // names of scripts in Config
  bool preempt = true;
  Auth auth;
  Announcements announcements;
};

struct Config {
  std::string node;                 // who we are
  std::optional<IpAddress> source;  // [node.NAME] address; absent: the interface's primary address
  std::vector<LogTarget> log;
  std::vector<Script> scripts;
  std::vector<Instance> instances;

  /// The script of that name; the loader has checked that it exists.
  const Script& script(const std::string& name) const;
};

}  // namespace hapair::vrrp
