// Reads retries, redispatch, retry_on, retry_methods and retry_budget.
#include <algorithm>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<int, 12> kStatuses = {401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504};
constexpr std::array<std::string_view, 6> kCauses = {
    "none",          "conn-failure",     "empty-response",
    "junk-response", "response-timeout", "all-retryable-errors"};

void add_status(RetryRules& out, int status) {
  if (std::find(out.statuses.begin(), out.statuses.end(), status) == out.statuses.end())
    out.statuses.push_back(status);
}

/// False: there is no such cause.
bool add_cause(std::string_view word, RetryRules& out) {
  if (const auto status = parse_number<int>(word)) {
    if (std::find(kStatuses.begin(), kStatuses.end(), *status) == kStatuses.end()) return false;
    add_status(out, *status);
    return true;
  }
  const bool all = word == "all-retryable-errors";
  if (std::find(kCauses.begin(), kCauses.end(), word) == kCauses.end()) return false;
  out.conn_failure |= all || word == "conn-failure";
  out.empty_response |= all || word == "empty-response";
  out.junk_response |= all || word == "junk-response";
  out.response_timeout |= all || word == "response-timeout";
  if (all)
    for (const int status : {500, 502, 503, 504}) add_status(out, status);
  return true;
}

void read_retry_on(TableReader& section, RetryRules& out) {
  const ConfigNode* node = section.raw("retry_on");
  if (!node) return;
  out.conn_failure = false;
  const std::span<const ConfigNode> items =
      node->kind == ConfigNode::Kind::Array ? std::span<const ConfigNode>(node->array)
                                            : std::span<const ConfigNode>(node, 1);
  for (const ConfigNode& item : items) {
    std::string word;
    if (item.kind == ConfigNode::Kind::String) word = item.string;
    if (item.kind == ConfigNode::Kind::Integer) word = fmt::to_string(item.integer);
    if (word == "0rtt-rejected") {
      section.error_at(item.where, fmt::format("retry_on \"{}\": {}", word, kNotBuilt),
                       "it needs early data of TLS");
      continue;
    }
    if (add_cause(word, out)) {
      if (word == "none" && items.size() > 1)
        section.error_at(item.where, "retry_on \"none\" stands beside others",
                         "\"none\" alone, or the others without it");
      continue;
    }
    std::vector<std::string> known(kCauses.begin(), kCauses.end());
    for (const int status : kStatuses) known.push_back(fmt::to_string(status));
    const auto near = nearest_word(word, known);
    section.error_at(item.where,
                     word.empty() ? fmt::format("retry_on is a list of words, not {}", item.kind_name())
                                  : fmt::format("unknown retry_on \"{}\"", word),
                     near ? fmt::format("did you mean \"{}\"?", *near)
                          : fmt::format("one of {}", fmt::join(known, ", ")));
  }
}

void read_budget(TableReader& section, RetryRules::Budget& out) {
  const ConfigNode* node = section.raw("retry_budget");
  if (!node) return;
  if (node->kind == ConfigNode::Kind::Boolean && !node->boolean) {
    out.limited = false;
  } else if (node->kind == ConfigNode::Kind::Integer) {
    if (const auto percent = section.integer("retry_budget", 0, 100))
      out.percent = static_cast<unsigned>(*percent);
  } else if (node->kind == ConfigNode::Kind::Table) {
    TableReader table(*node, section.path() + ".retry_budget", section.diagnostics());
    if (const auto percent = table.integer("percent", 0, 100))
      out.percent = static_cast<unsigned>(*percent);
    if (const auto least = table.integer("per_second", 0, 1'000'000))
      out.per_second = static_cast<unsigned>(*least);
    table.finish();
  } else {
    section.error("retry_budget",
                  fmt::format("retry_budget must be a percentage, a table or false, not {}",
                              node->kind_name()),
                  "retry_budget = 20, or { percent = 20, per_second = 10 }");
  }
}

}  // namespace

void read_retry(TableReader& section, RetryRules& out) {
  if (const auto retries = section.integer("retries", 0, 100))
    out.attempts = static_cast<int>(*retries);
  if (const auto redispatch = section.boolean("redispatch")) out.redispatch = *redispatch;
  read_retry_on(section, out);
  const std::vector<std::string> methods = {"idempotent", "any"};
  if (const auto which = section.word("retry_methods", methods)) out.any_method = *which == 1;
  read_budget(section, out.budget);
}

}  // namespace hapair::proxy
