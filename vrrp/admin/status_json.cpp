#include "vrrp/admin/status_json.h"

#include "common/json.h"
#include "vrrp/admin/counter_names.h"
#include "vrrp/admin/timestamp.h"

namespace hapair::vrrp {
namespace {

/// Null where there is nothing to say.
JsonWriter& text_or_null(JsonWriter& json, std::string_view key, std::string_view text) {
  json.key(key);
  return text.empty() ? json.null() : json.value(text);
}

void write_router(JsonWriter& json, const InstanceReport::Router& router) {
  json.open_object().member("address", router.address.to_string());
  text_or_null(json, "node", router.node).close_object();
}

void write_priority(JsonWriter& json, const InstanceReport& instance) {
  json.open_object().member("effective", instance.priority).member("base", instance.base_priority);
  json.key("parts").open_array();
  for (const InstanceReport::Part& part : instance.parts)
    json.open_object()
        .member("kind", to_string(part.kind))
        .member("name", part.name)
        .member("verdict", word(part.verdict))
        .member("weight", part.weight)
        .member("adds", part.adds)
        .close_object();
  json.close_array().close_object();
}

void write_counters(JsonWriter& json, const VirtualRouter::Counters& counters) {
  json.open_object();
  for (const NamedCounter& counter : kCounters) json.member(counter.name, counters.*counter.value);
  json.key("refused").open_object();
  for_each_refusal(counters,
                   [&](std::string_view name, std::uint64_t value) { json.member(name, value); });
  json.close_object().close_object();
}

void write_instance(JsonWriter& json, const InstanceReport& instance) {
  json.open_object()
      .member("name", instance.name)
      .member("interface", instance.interface)
      .member("virtual_router_id", instance.virtual_router_id)
      .member("version", instance.version)
      .member("state", to_string(instance.state));
  text_or_null(json, "since", instance.since ? timestamp(*instance.since) : std::string());
  text_or_null(json, "why", instance.why);
  text_or_null(json, "trouble", instance.trouble);
  write_priority(json.key("priority"), instance);
  json.key("addresses").open_array();
  for (const InstanceReport::Address& address : instance.addresses)
    json.open_object()
        .member("address", address.address.to_string())
        .member("interface", address.interface)
        .member("advertised", address.advertised)
        .close_object();
  json.close_array().key("master");
  if (instance.master)
    write_router(json, *instance.master);
  else
    json.null();
  json.key("last_advert");
  if (instance.heard) {
    write_router(json.open_object().key("from"), instance.heard->from);
    json.member("priority", int{instance.heard->priority})
        .member("interval_seconds", seconds(instance.heard->interval))
        .member("age_seconds", seconds(instance.heard->age))
        .close_object();
  } else {
    json.null();
  }
  json.key("handover");
  if (const auto& handover = instance.handover) {
    json.open_object()
        .member("at", timestamp(handover->at))
        .member("kept_connections", handover->kept)
        .member("text", handover->text)
        .key("gap_seconds");
    if (handover->gap)
      json.value(seconds(*handover->gap));
    else
      json.null();
    json.close_object();
  } else {
    json.null();
  }
  json.key("drill");
  if (instance.drill)
    json.open_object()
        .member("at", timestamp(instance.drill->at))
        .member("passed", instance.drill->passed)
        .member("text", instance.drill->text)
        .close_object();
  else
    json.null();
  json.member("advert_interval_seconds", seconds(instance.interval))
      .member("lease_seconds", seconds(instance.lease));
  write_counters(json.key("counters"), instance.counters);
  json.close_object();
}

void write_peer(JsonWriter& json, const PeerReport& peer) {
  json.open_object()
      .member("node", peer.node)
      .member("address", peer.address.to_string())
      .member("heard", peer.heard);
  json.key("age_seconds");
  if (peer.age)
    json.value(seconds(*peer.age));
  else
    json.null();
  json.member("refused", peer.refused);
  if (!peer.heard) {
    json.close_object();
    return;
  }
  json.member("version", peer.version).member("uptime_seconds", seconds(peer.uptime));
  text_or_null(json, "proxy", peer.proxy).member("same_configuration", peer.same_configuration);
  json.key("differing_keys").open_array();
  for (const std::string& key : peer.differing_keys) json.value(key);
  json.close_array().key("instances").open_array();
  for (const PeerReport::Instance& instance : peer.instances)
    json.open_object()
        .member("name", instance.name)
        .member("state", instance.state)
        .member("state_seconds", seconds(instance.since))
        .member("why", instance.why)
        .member("priority", int(instance.priority))
        .member("can_serve", instance.fit)
        .close_object();
  json.close_array().close_object();
}

std::string finish(JsonWriter& json) {
  return json.take() + "\n";
}

}  // namespace

std::string status_json(const StatusReport& report) {
  const auto wrong = troubles(report);
  JsonWriter json;
  json.open_object()
      .member("node", report.node)
      .member("version", report.version)
      .member("pid", report.pid)
      .member("now", timestamp(report.now))
      .member("uptime_seconds", seconds(report.uptime))
      .member("healthy", wrong.empty());
  json.key("troubles").open_array();
  for (const std::string& trouble : wrong) json.value(trouble);
  json.close_array().key("guardian").open_object().member("wanted", report.wants_guardian);
  json.key("pid");
  if (report.guardian_pid < 0)
    json.null();
  else
    json.value(report.guardian_pid);
  json.close_object();
  text_or_null(json, "proxy", report.proxy).key("peer");
  if (report.peer)
    write_peer(json, *report.peer);
  else
    json.null();
  json.key("instances").open_array();
  for (const InstanceReport& instance : report.instances) write_instance(json, instance);
  json.close_array().close_object();
  return finish(json);
}

std::string instance_json(const InstanceReport& instance) {
  JsonWriter json;
  write_instance(json, instance);
  return finish(json);
}

std::string history_json(const History& history) {
  JsonWriter json;
  json.open_array();
  for (const Transition& one : history.transitions())
    json.open_object()
        .member("at", timestamp(one.at))
        .member("instance", one.instance)
        .member("from", to_string(one.from))
        .member("to", to_string(one.to))
        .member("priority", int{one.priority})
        .member("why", one.why)
        .close_object();
  json.close_array();
  return finish(json);
}

std::string counters_json(const StatusReport& report) {
  JsonWriter json;
  json.open_object();
  for (const InstanceReport& instance : report.instances)
    write_counters(json.key(instance.name), instance.counters);
  json.close_object();
  return finish(json);
}

}  // namespace hapair::vrrp
