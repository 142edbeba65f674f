// What the daemon minds of the two that are its pair: [pair], and an instance's `track_proxy`.
#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr int kMostWeight = 253;
constexpr int kUnservedWeight = -20;

enum class Unserved { Fail, Weight, Ignore };

void read_unserved(TableReader& table, const Surroundings& surroundings, Instance& instance) {
  Tracking tracking{.kind = TrackerKind::Backends, .name = "backends", .backends = {}};
  tracking.backends = read_names(table, "backends", surroundings.backends, "backend");
  static constexpr std::pair<std::string_view, Unserved> kChoices[] = {
      {"fail", Unserved::Fail}, {"weight", Unserved::Weight}, {"ignore", Unserved::Ignore}};
  const auto choice = table.word<Unserved>("when_unserved", kChoices);
  const auto weight = table.integer("unserved_weight", -kMostWeight, -1);
  const Unserved when = choice.value_or(weight ? Unserved::Weight : Unserved::Fail);
  if (!table.has("backends")) {
    for (const std::string_view key : {"when_unserved", "unserved_weight"})
      if (table.has(key))
        table.error(key, "no backend is named that could be without a server", "backends = [\"…\"]");
    return;
  }
  if (weight && when != Unserved::Weight)
    table.error("unserved_weight", "only when_unserved = \"weight\" has one");
  if (when == Unserved::Ignore || tracking.backends.empty()) return;
  if (when == Unserved::Weight) tracking.weight = static_cast<int>(weight.value_or(kUnservedWeight));
  instance.tracked.push_back(std::move(tracking));
}

}  // namespace

PairSettings read_pair(TableReader& table) {
  PairSettings pair;
  if (auto file = table.string("key_file")) pair.key_file = *file;
  if (auto channel = table.boolean("channel")) pair.channel = *channel;
  if (auto port = table.integer("port", 1, 65535)) pair.port = static_cast<std::uint16_t>(*port);
  if (auto limit = table.duration("drain_limit", 1s, 24h)) pair.drain_limit = *limit;
  if (auto drills = table.boolean("drills")) pair.drills = *drills;
  table.finish();
  return pair;
}

void read_track_proxy(TableReader& table, const Surroundings& surroundings, Instance& instance) {
  const ConfigNode* wanted = table.raw("track_proxy");
  if (!wanted) return;
  Tracking tracking{.kind = TrackerKind::Proxy, .name = "proxy", .backends = {}};
  if (wanted->kind == ConfigNode::Kind::Boolean) {
    if (wanted->boolean) instance.tracked.push_back(std::move(tracking));
    return;
  }
  auto settings = table.table("track_proxy");
  if (!settings) return;
  if (auto weight = settings->integer("weight", -kMostWeight, kMostWeight))
    tracking.weight = static_cast<int>(*weight);
  instance.tracked.push_back(std::move(tracking));
  read_unserved(*settings, surroundings, instance);
  settings->finish();
}

}  // namespace hapair::vrrp
