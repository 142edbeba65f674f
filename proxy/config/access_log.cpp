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

/// Where the frontend, if it has an access log, asks for it.
std::optional<SourceLocation> find_format(const ConfigDocument& document,
                                                 const Frontend& frontend) {
  if (frontend.log_format == LogFormat::None) return std::nullopt;
  const std::string_view kind = frontend.from_listen ? "listen" : "frontend";
  if (const auto* own = find_path(document.root, {kind, frontend.name, "log_format"}))
    return own->where;
  if (const auto* inherited = find_path(document.root, {"defaults", "log_format"}))
    return inherited->where;
  return std::nullopt;
}

/// The targets of a frontend's access lines.
std::vector<LogTarget> targets_of(const Frontend& frontend, const Config& config) {
  std::vector<LogTarget> targets = frontend.log;
  if (frontend.log_to_global)
    targets.insert(targets.end(), config.global.log.begin(), config.global.log.end());
  return targets;
}

/// What a target must take so that a frontend's lines can be read there: info, as HAProxy's, but for
/// a frontend whose only lines are errors and say so.
Severity needed_level(const Frontend& frontend) {
  return frontend.log_errors_only && frontend.log_separate_errors ? Severity::Error
                                                                  : Severity::Info;
}

/// Where the first of those targets stands in the file: its table.
const ConfigNode* first_target(const ConfigDocument& document, const Frontend& frontend) {
  const std::string_view kind = frontend.from_listen ? "listen" : "frontend";
  if (!frontend.log.empty()) {
    for (const ConfigNode* list : {find_path(document.root, {kind, frontend.name, "log"}),
                                   find_path(document.root, {"defaults", "log"})}) {
      if (!list) continue;
      if (list->kind == ConfigNode::Kind::Table) return list;
      for (const ConfigNode& item : list->array)
        if (item.kind == ConfigNode::Kind::Table) return &item;
    }
  }
  const ConfigNode* list = find_path(document.root, {"global", "log"});
  return list && !list->array.empty() ? &list->array.front() : nullptr;
}

}  // namespace

std::optional<Diagnostic> find_hidden_access_log(const ConfigDocument& document,
                                                 const Config& config) {
  for (const Frontend& frontend : config.frontends) {
    const auto asked = find_format(document, frontend);
    const std::vector<LogTarget> targets = targets_of(frontend, config);
    const Severity needed = needed_level(frontend);
    // A target may well be meant for graver lines alone, but hardly every one.
    if (!asked || targets.empty() ||
        std::any_of(targets.begin(), targets.end(),
                    [needed](const LogTarget& target) { return target.level >= needed; }))
      continue;
    const ConfigNode* table = first_target(document, frontend);
    if (!table) continue;
    const ConfigNode* level = find_path(*table, {"level"});
    return Diagnostic{
        Diagnostic::Level::Warning, level ? level->where : table->where,
        fmt::format("level \"{}\" hides the access log that log_format asks for on line {}",
                    severity_words()[static_cast<std::size_t>(targets.front().level)],
                    asked->line),
        fmt::format("access log lines have level \"{}\"",
                    severity_words()[static_cast<std::size_t>(needed)])};
  }
  return std::nullopt;
}

std::optional<SourceLocation> find_unsent_access_log(const ConfigDocument& document,
                                                     const Config& config) {
  for (const Frontend& frontend : config.frontends)
    if (frontend.log_to_global && frontend.log.empty() && config.global.log.empty())
      if (const auto asked = find_format(document, frontend)) return asked;
  return std::nullopt;
}

}  // namespace hapair::proxy
