// Reads `slow_start = "30s"` or { duration = "30s", at = ["recovery", "start", "takeover"] }.
#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

void read_occasions(TableReader& table, SlowStart& out) {
  const ConfigNode* node = table.raw("at");
  if (!node) return;
  out.at_recovery = out.at_start = out.at_takeover = false;
  const std::vector<std::string> known = {"recovery", "start", "takeover"};
  for (const std::string& word : table.strings("at")) {
    const auto near = nearest_word(word, known);
    if (word == "recovery")
      out.at_recovery = true;
    else if (word == "start")
      out.at_start = true;
    else if (word == "takeover")
      out.at_takeover = true;
    else
      table.error("at", fmt::format("unknown occasion \"{}\"", word),
                  near ? fmt::format("did you mean \"{}\"?", *near)
                       : "\"recovery\", \"start\" or \"takeover\"");
  }
}

}  // namespace

std::optional<SlowStart> read_slow_start(TableReader& section) {
  const ConfigNode* node = section.raw("slow_start");
  if (!node) return std::nullopt;
  SlowStart out;
  if (node->kind != ConfigNode::Kind::Table) {
    if (const auto length = section.duration("slow_start", Duration::zero(), kLongest))
      out.length = *length;
    return out;
  }
  TableReader table(*node, section.path() + ".slow_start", section.diagnostics());
  if (const auto length = table.duration("duration", Duration::zero(), kLongest))
    out.length = *length;
  else if (!table.has("duration"))
    table.error_at(table.where(), "slow_start needs a duration",
                   "slow_start = { duration = \"30s\", at = [\"recovery\", \"start\"] }");
  read_occasions(table, out);
  table.finish();
  return out;
}

}  // namespace hapair::proxy
