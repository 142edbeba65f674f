// Reads the keys of [backend.NAME].
#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 18> kNotBuiltBackend = {
    "abort_on_close",  "all_backups", "compression", "disabled", "email_alert",
    "error_files",     "fullconn",    "hash",        "http2",  "max_reuse",
    "persist",         "request",     "response",    "reuse",  "rules",
    "server_template", "stick",       "tls"};

// In the order of Balance::Algorithm.
constexpr std::array<std::string_view, 6> kBalanceWords = {"roundrobin", "static-rr", "leastconn",
                                                           "first",      "source",    "random"};
constexpr std::array<std::string_view, 3> kNotBuiltBalance = {"uri", "hash", "rdp-cookie"};
constexpr std::array<std::string_view, 6> kNotBuiltBalanceKeys = {"url_param", "header", "hash",
                                                                  "uri",       "depth",  "whole"};
constexpr std::int64_t kMostDraws = 100;

std::string balance_hint() {
  return fmt::format("this build has \"{}\"", fmt::join(kBalanceWords, "\", \""));
}

void read_balance(TableReader& section, Balance& out) {
  const ConfigNode* node = section.raw("balance");
  if (!node) return;
  if (node->kind == ConfigNode::Kind::Table) {  // { url_param = "userid" }
    TableReader table(*node, section.path() + ".balance", section.diagnostics());
    refuse_not_built(table, kNotBuiltBalanceKeys);
    if (table.has("random")) {
      out.algorithm = Balance::Algorithm::Random;
      if (const auto draws = table.integer("random", 1, kMostDraws))
        out.draws = static_cast<unsigned>(*draws);
    } else if (node->table.empty()) {
      section.error("balance", "the table names no algorithm", "balance = { random = 2 }");
    }
    table.finish();
    return;
  }
  if (node->kind != ConfigNode::Kind::String) {
    section.error("balance", fmt::format("balance must be a word, not {}", node->kind_name()),
                  "balance = \"roundrobin\"");
    return;
  }
  std::vector<std::string> words(kBalanceWords.begin(), kBalanceWords.end());
  words.insert(words.end(), kNotBuiltBalance.begin(), kNotBuiltBalance.end());
  const auto index = section.word("balance", words);
  if (!index) return;
  if (*index < kBalanceWords.size()) {
    out.algorithm = static_cast<Balance::Algorithm>(*index);
    return;
  }
  section.error("balance", fmt::format("balance \"{}\": {}", words[*index], kNotBuilt),
                balance_hint());
}

}  // namespace

std::string_view word(Balance::Algorithm algorithm) {
  return kBalanceWords[static_cast<std::size_t>(algorithm)];
}

void read_backend_keys(TableReader& section, Backend& out) {
  if (const auto mode = read_mode(section)) out.mode = *mode;
  read_balance(section, out.balance);
  if (const auto connection = read_connection(section)) out.connection = *connection;
  out.forwarded_for = read_forwarded_for(section);
  out.stats = read_stats(section);
  out.cookie = read_cookie(section);
  if (out.mode == Mode::Tcp) out.cookie.reset();
  read_timeouts(section, out.timeout);
  if (const auto retries = section.integer("retries", 0, 100))
    out.retries = static_cast<int>(*retries);
  if (const auto redispatch = section.boolean("redispatch")) out.redispatch = *redispatch;
  read_source(section, out.approach);
  read_send_proxy(section, out.send_proxy);
  read_check(section);
  refuse_http_keys(section, out.mode);
  refuse_not_built(section, kNotBuiltBackend);
}

}  // namespace hapair::proxy
