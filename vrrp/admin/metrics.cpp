#include "vrrp/admin/metrics.h"

#include <fmt/format.h>

#include <initializer_list>
#include <iterator>
#include <set>
#include <utility>

#include "vrrp/admin/timestamp.h"

namespace hapair::vrrp {
namespace {

using Counters = VirtualRouter::Counters;

/// A label's value: what the format gives a meaning loses it.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

/// Writes one family after the other: what it is, then its series.
class Exposition {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(to(), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <typename Number>
  void series(Number value, const std::string& labels = {}) {
    fmt::format_to(to(), "{}{} {}\n", name_,
                   labels.empty() ? std::string() : fmt::format("{{{}}}", labels), value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::back_insert_iterator<std::string> to() { return std::back_inserter(out_); }

  std::string out_;
  std::string_view name_;
};

std::string labels(const InstanceReport& instance, std::string_view interface) {
  return fmt::format("iname=\"{}\",intf=\"{}\",vrid=\"{}\"", escaped(instance.name),
                     escaped(interface), instance.virtual_router_id);
}

std::string labels(const InstanceReport& instance) {
  return labels(instance, instance.interface);
}

/// Keepalived's numbers. A claimant holds no address yet.
int state_number(State state) {
  switch (state) {
    case State::Initialize: return 0;
    case State::Backup:
    case State::Claiming: return 1;
    case State::Master: return 2;
    case State::Fault: return 3;
  }
  return 0;
}

/// As keepalived writes it: a prefix only where it is not the whole address.
std::string address_text(const Cidr& address) {
  const int whole = address.address.is_v6() ? 128 : 32;
  return address.prefix == whole ? address.address.to_string() : address.to_string();
}

void write_states(Exposition& out, const StatusReport& report, bool advertised) {
  for (const InstanceReport& instance : report.instances)
    for (const InstanceReport::Address& address : instance.addresses)
      if (address.advertised == advertised)
        out.series(state_number(instance.state),
                   fmt::format("{},ip_address=\"{}\"", labels(instance, address.interface),
                               address_text(address.address)));
}

std::uint64_t refused(const InstanceReport& instance, std::initializer_list<Refusal> reasons) {
  std::uint64_t sum = 0;
  for (const Refusal reason : reasons)
    sum += instance.counters.refused[static_cast<std::size_t>(reason)];
  return sum;
}

/// One series for each instance.
template <typename Value>
void write_each(Exposition& out, const StatusReport& report, std::string_view name,
                std::string_view type, std::string_view help, Value value) {
  out.family(name, type, help);
  for (const InstanceReport& instance : report.instances)
    out.series(value(instance), labels(instance));
}

void write_counter(Exposition& out, const StatusReport& report, std::string_view name,
                   std::string_view help, std::uint64_t Counters::*counter) {
  write_each(out, report, name, "counter", help,
             [counter](const InstanceReport& instance) { return instance.counters.*counter; });
}

void write_refusals(Exposition& out, const StatusReport& report, std::string_view name,
                    std::string_view help, std::initializer_list<Refusal> reasons) {
  write_each(out, report, name, "counter", help,
             [&](const InstanceReport& instance) { return refused(instance, reasons); });
}

void write_scripts(Exposition& out, const StatusReport& report) {
  out.family("keepalived_script_status", "gauge", "Tracked scripts: 1 good, 0 bad.");
  std::set<std::string_view> told;  // several instances may track the same
  for (const InstanceReport& instance : report.instances)
    for (const InstanceReport::Part& part : instance.parts)
      if (part.kind == TrackerKind::Script && part.verdict != Verdict::Unknown &&
          told.insert(part.name).second)
        out.series(part.verdict == Verdict::Good ? 1 : 0,
                   fmt::format("name=\"{}\"", escaped(part.name)));
}

/// The names of github.com/mehdy/keepalived-exporter.
void write_keepalived(Exposition& out, const StatusReport& report) {
  out.family("keepalived_up", "gauge", "The VRRP daemon answers.");
  out.series(1);
  out.family("keepalived_vrrp_state", "gauge",
             "State of the instance for each address: 0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT.");
  write_states(out, report, /*advertised=*/true);
  out.family("keepalived_vrrp_excluded_state", "gauge",
             "The same for each address that is not advertised.");
  write_states(out, report, /*advertised=*/false);
  write_each(out, report, "keepalived_gratuitous_arp_delay_total", "gauge",
             "Seconds between the two sets of announcements, as configured.",
             [](const InstanceReport& instance) { return seconds(instance.announce_delay); });
  write_counter(out, report, "keepalived_advertisements_received_total",
                "Adverts that were believed.", &Counters::received);
  write_counter(out, report, "keepalived_advertisements_sent_total", "Adverts sent.",
                &Counters::sent);
  write_counter(out, report, "keepalived_become_master_total", "How often it became master.",
                &Counters::became_master);
  write_counter(out, report, "keepalived_release_master_total", "How often it ceased to be master.",
                &Counters::released_master);
  write_refusals(out, report, "keepalived_packet_length_errors_total",
                 "Packets refused: their length is wrong.",
                 {Refusal::Header, Refusal::Length, Refusal::Count});
  write_refusals(out, report, "keepalived_advertisements_interval_errors_total",
                 "Adverts refused: their interval is not ours, or none.", {Refusal::Interval});
  write_refusals(out, report, "keepalived_ip_ttl_errors_total",
                 "Packets refused: their time to live is too low.", {Refusal::Ttl});
  write_refusals(out, report, "keepalived_invalid_type_received_total",
                 "Packets refused: their type is not advertisement.", {Refusal::Type});
  write_counter(out, report, "keepalived_address_list_errors_total",
                "Adverts whose addresses are not ours; they are believed.",
                &Counters::other_addresses);
  write_refusals(out, report, "keepalived_authentication_invalid_total",
                 "Adverts refused: authenticated with a key that is not ours.", {Refusal::Key});
  write_refusals(out, report, "keepalived_authentication_mismatch_total",
                 "Adverts refused: authenticated in another way, or not at all.",
                 {Refusal::AuthKind});
  write_refusals(out, report, "keepalived_authentication_failure_total",
                 "Adverts refused: wrong password or signature, heard before, or of another time.",
                 {Refusal::Password, Refusal::Signature, Refusal::Replay, Refusal::Clock});
  write_counter(out, report, "keepalived_priority_zero_received_total", "Resignations believed.",
                &Counters::resignations_received);
  write_counter(out, report, "keepalived_priority_zero_sent_total", "Resignations sent.",
                &Counters::resignations_sent);
  write_scripts(out, report);
}

void write_ours(Exposition& out, const StatusReport& report) {
  out.family("hapair_vrrp_healthy", "gauge",
             "1: every instance is master, or follows one that lives.");
  out.series(troubles(report).empty() ? 1 : 0);
  out.family("hapair_vrrp_uptime_seconds", "gauge", "Since the daemon started.");
  out.series(seconds(report.uptime));
  if (report.wants_guardian) {
    out.family("hapair_vrrp_guardian_alive", "gauge",
               "1: there is a process that resigns for a daemon that dies.");
    out.series(report.guardian_pid < 0 ? 0 : 1);
  }
  write_each(out, report, "hapair_vrrp_priority", "gauge", "Effective priority.",
             [](const InstanceReport& instance) { return instance.priority; });
  write_each(out, report, "hapair_vrrp_base_priority", "gauge", "Configured priority.",
             [](const InstanceReport& instance) { return instance.base_priority; });
  write_each(out, report, "hapair_vrrp_lease_seconds", "gauge",
             "How long the kernel keeps an address that is not renewed; 0: for ever.",
             [](const InstanceReport& instance) { return seconds(instance.lease); });
  out.family("hapair_vrrp_last_transition_timestamp_seconds", "gauge",
             "When the state changed last.");
  for (const InstanceReport& instance : report.instances)
    if (instance.since)
      out.series(static_cast<double>(to_milliseconds(instance.since->time_since_epoch())) / 1e3,
                 labels(instance));
  out.family("hapair_vrrp_last_advert_age_seconds", "gauge",
             "Since the last advert that was believed.");
  for (const InstanceReport& instance : report.instances)
    if (instance.heard) out.series(seconds(instance.heard->age), labels(instance));
  out.family("hapair_vrrp_refused_total", "counter", "Packets that were not believed, by reason.");
  for (const InstanceReport& instance : report.instances)
    for (std::size_t i = 0; i < kRefusals; ++i)
      out.series(instance.counters.refused[i], fmt::format("{},reason=\"{}\"", labels(instance),
                                                           counter_name(static_cast<Refusal>(i))));
  write_counter(out, report, "hapair_vrrp_announcements_total",
                "Gratuitous ARPs and unsolicited neighbour adverts sent.",
                &Counters::announcements);
  write_counter(out, report, "hapair_vrrp_restored_addresses_total",
                "Addresses put back that somebody removed.", &Counters::restored);
  write_counter(out, report, "hapair_vrrp_duplicate_answers_total",
                "How often somebody else answered for an address of ours.", &Counters::duplicates);
  write_counter(out, report, "hapair_vrrp_absences_total",
                "How often the daemon did not run for longer than the others wait.",
                &Counters::absences);
}

void write_peer(Exposition& out, const PeerReport& peer) {
  const std::string labels = fmt::format("node=\"{}\"", escaped(peer.node));
  out.family("hapair_vrrp_peer_heard", "gauge",
             "1: the other node is heard over the pair channel.");
  out.series(peer.heard ? 1 : 0, labels);
  out.family("hapair_vrrp_peer_refused_total", "counter",
             "Datagrams of the pair channel that were not believed.");
  out.series(peer.refused, labels);
  if (peer.age) {
    out.family("hapair_vrrp_peer_last_message_age_seconds", "gauge",
               "Since the other node was heard over the pair channel.");
    out.series(seconds(*peer.age), labels);
  }
  if (!peer.heard) return;
  out.family("hapair_vrrp_peer_same_configuration", "gauge",
             "1: both nodes have the same configuration.");
  out.series(peer.same_configuration ? 1 : 0, labels);
}

}  // namespace

std::string metrics(const StatusReport& report) {
  Exposition out;
  write_keepalived(out, report);
  write_ours(out, report);
  if (report.peer) write_peer(out, *report.peer);
  return out.take();
}

}  // namespace hapair::vrrp
