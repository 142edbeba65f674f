// Reads what a frontend says about its access log.
#include "common/log_config.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

/// `log = "global"`, `"none"`, or a list of "global" and tables as [[global.log]] has them.
void read_targets(TableReader& section, Frontend& out) {
  const ConfigNode* node = section.raw("log");
  if (!node) return;
  const auto read_item = [&](const ConfigNode& item) {
    if (item.kind == ConfigNode::Kind::Table) {
      TableReader table(item, section.path() + ".log", section.diagnostics());
      if (auto target = read_log_target(table)) out.log.push_back(*std::move(target));
    } else if (item.kind == ConfigNode::Kind::String && item.string == "global") {
      out.log_to_global = true;
    } else {
      section.error_at(item.where,
                       item.kind == ConfigNode::Kind::String
                           ? fmt::format("\"{}\" is not where an access log can go", item.string)
                           : fmt::format("log must name targets, not {}", item.kind_name()),
                       "\"global\", \"none\", or { target = \"udp:127.0.0.1:514\" }");
    }
  };
  out.log_to_global = false;
  if (node->kind == ConfigNode::Kind::String && node->string == "none") return;
  if (node->kind != ConfigNode::Kind::Array) return read_item(*node);
  for (const ConfigNode& item : node->array) read_item(item);
}

}  // namespace

void read_access_log(TableReader& section, Frontend& out) {
  static constexpr std::pair<std::string_view, LogFormat> kFormats[] = {
      {"http", LogFormat::Http}, {"tcp", LogFormat::Tcp}, {"none", LogFormat::None}};
  const ConfigNode* format = section.raw("log_format");
  if (format && format->kind == ConfigNode::Kind::String &&
      (format->string.find('%') != std::string::npos || format->string == "clf"))
    section.error("log_format", fmt::format("a log format of one's own: {}", kNotBuilt),
                  "\"http\" or \"tcp\"");
  else if (const auto known = section.word<LogFormat>("log_format", kFormats))
    out.log_format = *known;
  if (out.mode == Mode::Tcp && out.log_format == LogFormat::Http) {
    const ConfigNode::Entry* entry = section.node().find("log_format");
    if (entry && !entry->inherited)
      section.error("log_format", "log_format \"http\" needs mode \"http\"",
                    "log_format = \"tcp\"");
    out.log_format = LogFormat::Tcp;
  }
  read_targets(section, out);
  if (const auto value = section.boolean("log_null")) out.log_null = *value;
  if (const auto value = section.boolean("log_errors_only")) out.log_errors_only = *value;
  if (const auto value = section.boolean("log_separate_errors")) out.log_separate_errors = *value;
}

}  // namespace hapair::proxy
