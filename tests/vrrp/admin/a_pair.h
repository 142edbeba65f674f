// One report that the tests of what is said of it share: a master that is well, and an instance
// that is not.
#pragma once

#include "vrrp/admin/status_report.h"

namespace hapair::vrrp {

inline InstanceReport a_master() {
  using namespace std::chrono_literals;
  InstanceReport out{.name = "VI_1",
                     .interface = "eth1",
                     .virtual_router_id = 51,
                     .version = 3,
                     .state = State::Master,
                     .since = WallTime(1764225600s),
                     .why = "no master was heard",
                     .base_priority = 101,
                     .priority = 103};
  out.parts = {{.kind = TrackerKind::Script,
                .name = "chk_haproxy",
                .weight = 2,
                .verdict = Verdict::Good,
                .adds = 2}};
  out.addresses = {
      {.address = *Cidr::parse("192.168.50.10"), .interface = "eth1"},
      {.address = *Cidr::parse("10.0.0.1/24"), .interface = "eth2", .advertised = false}};
  out.master = {.address = *IpAddress::parse("192.168.50.11"), .node = "hap1"};
  out.heard = {.from = {.address = *IpAddress::parse("192.168.50.12"), .node = "hap2"},
               .priority = 100,
               .interval = 100ms,
               .age = 184s};
  out.interval = 100ms;
  out.lease = 1s;
  out.announce_delay = 5s;
  out.counters = {.received = 12, .sent = 4711, .became_master = 1, .other_addresses = 3};
  out.counters.refused[static_cast<std::size_t>(Refusal::Checksum)] = 7;
  out.counters.refused[static_cast<std::size_t>(Refusal::Password)] = 2;
  out.counters.refused[static_cast<std::size_t>(Refusal::Signature)] = 3;
  return out;
}

inline InstanceReport a_faulty_one() {
  InstanceReport out{.name = "VI \"2\"",
                     .interface = "eth1",
                     .virtual_router_id = 52,
                     .state = State::Fault,
                     .why = "this node cannot serve",
                     .trouble = "interface eth1 is down or gone",
                     .base_priority = 254,
                     .priority = 254};
  out.parts = {
      {.kind = TrackerKind::Script, .name = "a", .weight = 5, .verdict = Verdict::Good, .adds = 5},
      {.kind = TrackerKind::Script, .name = "b", .weight = -2, .verdict = Verdict::Bad, .adds = -2},
      {.kind = TrackerKind::Script,
       .name = "c",
       .weight = 0,
       .verdict = Verdict::Unknown,
       .adds = 0}};
  out.addresses = {{.address = *Cidr::parse("2001:db8::1"), .interface = "eth1"}};
  out.interval = std::chrono::seconds(1);
  return out;
}

inline PeerReport a_peer() {
  using namespace std::chrono_literals;
  PeerReport out{.node = "hap2",
                 .address = *IpAddress::parse("192.168.50.12"),
                 .age = 100ms,
                 .heard = true,
                 .version = "0.2.0",
                 .uptime = 61s,
                 .proxy = "the proxy is hung",
                 .same_configuration = false,
                 .differing_keys = {"backend.web", "vrrp.run_directory"},
                 .refused = 5};
  out.instances = {{.name = "VI_1",
                    .state = "BACKUP",
                    .priority = 100,
                    .fit = false,
                    .since = 3s,
                    .why = "the proxy is hung"}};
  return out;
}

inline StatusReport a_report() {
  using namespace std::chrono_literals;
  return {.version = "0.1.0",
          .node = "hap1",
          .pid = 123,
          .now = WallTime(1764225784s),
          .uptime = 2h + 5min,
          .guardian_pid = 124,
          .instances = {a_master()}};
}

}  // namespace hapair::vrrp
