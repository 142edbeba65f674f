// Finds a log level that hides the access log.
#include "proxy/config/access_log.h"

#include <algorithm>

namespace hapair::proxy {
namespace {

const ConfigNode* find_path(const ConfigNode& root, std::initializer_list<std::string_view> path) {
  const ConfigNode* node = &root;
  for (const std::string_view key : path) {
    const ConfigNode::Entry* entry = node->find(key);
    if (!entry) return nullptr;
    node = &entry->value;
  }
  return node;
}

}  // namespace

std::optional<SourceLocation> find_access_log(const ConfigDocument& document,
                                              const Config& config) {
  for (const Frontend& frontend : config.frontends) {
    if (frontend.log_format == LogFormat::None) continue;
    const std::string_view kind = frontend.from_listen ? "listen" : "frontend";
    if (const auto* own = find_path(document.root, {kind, frontend.name, "log_format"}))
      return own->where;
    if (const auto* inherited = find_path(document.root, {"defaults", "log_format"}))
      return inherited->where;
  }
  return std::nullopt;
}

std::optional<Diagnostic> find_hidden_access_log(const ConfigDocument& document,
                                                 const Config& config) {
  const auto asked = find_access_log(document, config);
  const auto& targets = config.global.log;
  // Access log lines have the level info, as HAProxy's. A target may well be meant for graver lines
  // alone, but hardly every one.
  if (!asked || targets.empty() ||
      std::any_of(targets.begin(), targets.end(),
                  [](const LogTarget& target) { return target.level >= Severity::Info; }))
    return std::nullopt;
  const ConfigNode* list = find_path(document.root, {"global", "log"});
  if (!list || list->array.empty()) return std::nullopt;
  const ConfigNode* level = find_path(list->array.front(), {"level"});
  return Diagnostic{
      Diagnostic::Level::Warning, level ? level->where : list->array.front().where,
      fmt::format("level \"{}\" hides the access log that log_format asks for on line {}",
                  severity_words()[static_cast<std::size_t>(targets.front().level)], asked->line),
      "access log lines have level \"info\""};
}

}  // namespace hapair::proxy
