#include "vrrp/admin/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "vrrp/admin/counter_names.h"
#include "vrrp/admin/timestamp.h"

namespace hapair::vrrp {
namespace {

void append_line(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) fmt::format_to(std::back_inserter(out), "    {:<10} {}\n", name, text);
}

std::string name_of(const InstanceReport::Router& router) {
  return router.node.empty() ? router.address.to_string()
                             : fmt::format("{} ({})", router.node, router.address.to_string());
}

/// "103 = 101 + 2 (script chk_haproxy is good)"
std::string priority_text(const InstanceReport& instance) {
  std::string out = fmt::format("{} = {}", instance.priority, instance.base_priority);
  int sum = instance.base_priority;
  for (const InstanceReport::Part& part : instance.parts) {
    sum += part.adds;
    const bool named = part.kind != TrackerKind::Proxy;  // there is one only
    fmt::format_to(std::back_inserter(out), " {} {} ({}{}{} is {}{})", part.adds < 0 ? '-' : '+',
                   std::abs(part.adds), to_string(part.kind), named ? " " : "",
                   named ? part.name : "", word(part.verdict),
                   part.weight == 0 ? ", and must be good" : "");
  }
  if (sum != instance.priority) out += ", kept within 1 to 254";
  return out;
}

std::string addresses_text(const InstanceReport& instance) {
  std::string out;
  for (const InstanceReport::Address& address : instance.addresses)
    fmt::format_to(std::back_inserter(out), "{}{} on {}{}", out.empty() ? "" : ", ",
                   address.address.to_string(), address.interface,
                   address.advertised ? "" : " (not advertised)");
  return out;
}

std::string heard_text(const InstanceReport& instance) {
  if (!instance.heard) return "nobody";
  const InstanceReport::Heard& heard = *instance.heard;
  return fmt::format("{} with priority {}, every {}, {} ago", name_of(heard.from), heard.priority,
                     format_duration(heard.interval), rough(heard.age));
}

std::string refused_text(const InstanceReport& instance) {
  std::string out;
  for_each_refusal(instance.counters, [&](std::string_view name, std::uint64_t value) {
    if (value > 0)
      fmt::format_to(std::back_inserter(out), "{}{} {}", out.empty() ? "" : ", ", value, name);
  });
  return out;
}

/// The other node's block.
void append_peer(std::string& out, const PeerReport& peer) {
  const auto to = std::back_inserter(out);
  if (!peer.heard) {
    fmt::format_to(to, "{}: not heard over the pair channel{}\n", peer.node,
                   peer.age ? fmt::format(" for {}", rough(*peer.age)) : " yet");
    return;
  }
  fmt::format_to(to, "{}: heard {} ago; hapair-vrrp {}, up {}; {}\n", peer.node,
                 rough(peer.age.value_or(Duration::zero())), peer.version, rough(peer.uptime),
                 peer.same_configuration ? "the same configuration" : "another configuration");
  append_line(out, "differs", fmt::to_string(fmt::join(peer.differing_keys, ", ")));
  append_line(out, "proxy", peer.proxy);
  for (const PeerReport::Instance& instance : peer.instances)
    append_line(out, instance.name,
                fmt::format("{} for {}, priority {}{}: {}", instance.state, rough(instance.since),
                            instance.priority, instance.fit ? "" : ", cannot serve", instance.why));
}

std::string_view verdict(const Rehearsal& rehearsal) {
  return rehearsal.passed ? "passed" : "failed";
}

void append_instance(std::string& out, const InstanceReport& instance, std::string_view age) {
  const auto to = std::back_inserter(out);
  const auto line = [&](std::string_view name, std::string_view text) {
    append_line(out, name, text);
  };
  fmt::format_to(to, "{} is {}", instance.name, to_string(instance.state));
  if (instance.since) fmt::format_to(to, " since {}{}", timestamp(*instance.since), age);
  fmt::format_to(to, "; router {}, version {}, on {}\n", instance.virtual_router_id,
                 instance.version, instance.interface);
  line("why", instance.why);
  line("trouble", instance.trouble);
  line("priority", priority_text(instance));
  line("addresses", addresses_text(instance));
  line("master", instance.master ? name_of(*instance.master) : "nobody is known");
  line("heard", heard_text(instance));
  if (const auto& handover = instance.handover) {
    std::string text = fmt::format("{} {}", timestamp(handover->at), handover->text);
    if (handover->gap)
      text += fmt::format(
          "; nobody had the addresses for {} at most",
          format_duration(std::chrono::ceil<std::chrono::milliseconds>(*handover->gap)));
    line("handover", text);
  }
  if (instance.drill)
    line("drill", fmt::format("{} {}: {}", timestamp(instance.drill->at), verdict(*instance.drill),
                              instance.drill->text));
  line("adverts", fmt::format("{} sent, one every {}; {} received", instance.counters.sent,
                              format_duration(instance.interval), instance.counters.received));
  line("refused", refused_text(instance));
}

}  // namespace

std::string status_text(const StatusReport& report) {
  const auto wrong = troubles(report);
  std::string out =
      fmt::format("{}: {}; hapair-vrrp {}, pid {}, up {}\n", report.node,
                  wrong.empty() ? "all is well" : fmt::to_string(fmt::join(wrong, "; ")),
                  report.version, report.pid, rough(report.uptime));
  append_line(out, "proxy", report.proxy);
  if (report.peer) append_peer(out, *report.peer);
  for (const InstanceReport& instance : report.instances)
    append_instance(
        out, instance,
        instance.since ? fmt::format(" ({})", rough(report.now - *instance.since)) : "");
  return out;
}

std::string instance_text(const InstanceReport& instance) {
  std::string out;
  append_instance(out, instance, "");
  return out;
}

std::string health_text(const StatusReport& report) {
  const auto wrong = troubles(report);
  return wrong.empty() ? "ok\n" : fmt::format("{}\n", fmt::join(wrong, "\n"));
}

std::string history_text(const History& history) {
  std::vector<std::pair<WallTime, std::string>> lines;
  for (const Transition& one : history.transitions())
    lines.emplace_back(
        one.at, fmt::format("{} {} -> {} with priority {}: {}", one.instance, to_string(one.from),
                            to_string(one.to), one.priority, one.why));
  for (const Rehearsal& one : history.rehearsals())
    lines.emplace_back(one.at,
                       fmt::format("{} drill {}: {}", one.instance, verdict(one), one.text));
  std::ranges::stable_sort(lines, {}, &std::pair<WallTime, std::string>::first);
  if (lines.empty()) return "nothing has changed yet\n";
  std::string out;
  for (const auto& [at, text] : lines)
    fmt::format_to(std::back_inserter(out), "{} {}\n", timestamp(at), text);
  return out;
}

std::string counters_text(const StatusReport& report) {
  std::string out;
  const auto to = std::back_inserter(out);
  for (const InstanceReport& instance : report.instances) {
    for (const NamedCounter& counter : kCounters)
      fmt::format_to(to, "{} {} {}\n", instance.name, counter.name,
                     instance.counters.*counter.value);
    for_each_refusal(instance.counters, [&](std::string_view name, std::uint64_t value) {
      fmt::format_to(to, "{} refused_{} {}\n", instance.name, name, value);
    });
  }
  return out;
}

}  // namespace hapair::vrrp
