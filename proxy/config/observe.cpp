// Reads `observe`, `error_limit` and `on_error`: how live traffic counts beside checks.
#include <algorithm>

#include "proxy/config/readers.h"

namespace hapair::proxy {

void read_observe(TableReader& section, Mode mode, Observe& out) {
  using Layer = Observe::Layer;
  using OnError = Observe::OnError;
  static constexpr std::pair<std::string_view, Layer> kLayers[] = {
      {"none", Layer::None}, {"layer4", Layer::Four}, {"layer7", Layer::Seven}};
  static constexpr std::pair<std::string_view, OnError> kPenalties[] = {
      {"fastinter", OnError::ProbeSooner},
      {"fail-check", OnError::FailCheck},
      {"sudden-death", OnError::SuddenDeath},
      {"mark-down", OnError::MarkDown}};
  if (const auto layer = section.word<Layer>("observe", kLayers)) out.layer = *layer;
  if (const auto limit = section.integer("error_limit", 1, 1'000'000))
    out.error_limit = static_cast<unsigned>(*limit);
  if (const auto penalty = section.word<OnError>("on_error", kPenalties)) out.on_error = *penalty;
  if (mode == Mode::Http || out.layer != Layer::Seven) return;
  // Inherited from [defaults] it is meant for others, and means as much of it as there is here.
  out.layer = Layer::Four;
  const ConfigNode::Entry* entry = section.node().find("observe");
  if (entry && !entry->inherited)
    section.error("observe", "observe \"layer7\" needs mode \"http\"",
                  "\"layer4\", or mode = \"http\"");
}

void judge_observe(TableReader& server, Server& out) {
  const bool observes = out.observe.layer != Observe::Layer::None;
  if (server.has("observe") && observes && !out.check)
    server.error("observe", "traffic decides beside a check, and this server has none",
                 "check = true");
  for (const std::string_view key : {"error_limit", "on_error"})
    if (server.has(key) && !observes)
      server.error(key, fmt::format("{} means nothing without observe", key),
                   "observe = \"layer4\" or \"layer7\"");
  if (!out.check) out.observe = {};  // what its backend says is for those that have one
}

void warn_of_idle_observation(TableReader& section, const Backend& backend) {
  const ConfigNode::Entry* entry = section.node().find("observe");
  const bool asked = entry && !entry->inherited && entry->value.string != "none";
  if (asked && std::none_of(backend.servers.begin(), backend.servers.end(),
                            [](const Server& server) { return server.check.has_value(); }))
    section.warning("observe", "traffic decides beside checks, and no server here has one",
                    "check = true");
  const auto idle = [](const Server& server) {
    return server.observe.layer != Observe::Layer::None &&
           server.observe.on_error == Observe::OnError::ProbeSooner &&
           server.check->fast_interval == Duration::zero();
  };
  const auto first = std::find_if(backend.servers.begin(), backend.servers.end(), idle);
  if (first != backend.servers.end())
    section.warning(
        "on_error",
        fmt::format("on_error \"fastinter\" does nothing for server \"{}\", whose check "
                    "has no fast_interval",
                    first->name),
        "check = { fast_interval = \"200ms\" }");
}

}  // namespace hapair::proxy
