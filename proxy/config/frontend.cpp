// Reads the keys of [frontend.NAME].
#include <algorithm>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 11> kNotBuiltFrontend = {
    "compression", "headers",       "http2", "request", "response", "rules",
    "rate_limit",  "tcp_keepalive", "tls",   "track",   "unique_id"};

constexpr std::array<ForeignWord, 8> kForeign = {
    {{"acl", "[[frontend.NAME.route]] with when = { … }"},
     {"use_backend", "[[frontend.NAME.route]] with when = { … } and backend = \"NAME\""},
     {"redirect", "[[frontend.NAME.route]] with redirect = { … }"},
     {"http_request", "[[frontend.NAME.route]] with when = { … } and deny, redirect or return"},
     {"tcp_request", "[[frontend.NAME.route]] with when = { source = \"…\" } and deny = true"},
     {"capture", "capture_request_headers = [{ name = \"Host\", length = 64 }]"},
     {"errorfile", "error_files = { 503 = \"FILE\" }"},
     {"option", "each option is a key of its own, as log_null = false"}}};

// What such a field says is obeyed, by us or by the server: another one would be another request.
constexpr std::array<std::string_view, 13> kMeaningful = {
    "authorization",    "connection", "content-length",
    "cookie",           "expect",     "host",
    "keep-alive",       "te",         "range",
    "proxy-connection", "trailer",    "transfer-encoding",
    "upgrade"};

void read_header_name(TableReader& table, ForwardedFor& out) {
  const auto header = table.string("header");
  if (!header) return;
  if (!is_token(*header))
    table.error("header", fmt::format("\"{}\" is not the name of a header field", *header),
                "as \"X-Forwarded-For\"");
  else if (header->size() > kLongestAddedField)
    table.error("header",
                fmt::format("the name of the header field has {} characters", header->size()),
                fmt::format("{} at most, as \"X-Forwarded-For\"", kLongestAddedField));
  else if (std::any_of(kMeaningful.begin(), kMeaningful.end(),
                       [&](std::string_view name) { return iequals(name, *header); }))
    table.error("header",
                fmt::format("{} cannot carry an address: it says how to take the request", *header),
                "as \"X-Forwarded-For\"");
  else
    out.header = *header;
}

}  // namespace

std::optional<Mode> read_mode(TableReader& section) {
  static constexpr std::pair<std::string_view, Mode> kModes[] = {{"http", Mode::Http},
                                                                 {"tcp", Mode::Tcp}};
  return section.word<Mode>("mode", kModes);
}

/// Keys that only HTTP can obey: written in a TCP section they are a mistake, inherited from
/// [defaults] they are meant for others.
void refuse_http_keys(TableReader& section, Mode mode) {
  if (mode == Mode::Http) return;
  for (const std::string_view key :
       {"stats", "forwarded_for", "connection", "cookie", "error_files", "monitor_uri",
        "monitor_fail", "capture_request_headers", "capture_response_headers", "capture_cookie"}) {
    const ConfigNode::Entry* entry = section.node().find(key);
    if (entry && !entry->inherited)
      section.error(key, fmt::format("{} needs mode \"http\"", key), "mode = \"http\"");
  }
}

void refuse_foreign_section_words(TableReader& section) {
  refuse_foreign(section, kForeign);
}

std::optional<ConnectionMode> read_connection(TableReader& section) {
  static constexpr std::pair<std::string_view, ConnectionMode> kModes[] = {
      {"keep-alive", ConnectionMode::KeepAlive},
      {"server-close", ConnectionMode::ServerClose},
      {"close", ConnectionMode::Close}};
  return section.word<ConnectionMode>("connection", kModes);
}

std::optional<ForwardedFor> read_forwarded_for(TableReader& section) {
  const ConfigNode* node = section.raw("forwarded_for");
  if (!node) return std::nullopt;
  if (node->kind == ConfigNode::Kind::Boolean)
    return node->boolean ? std::optional<ForwardedFor>(ForwardedFor{}) : std::nullopt;
  if (node->kind != ConfigNode::Kind::Table) {
    section.error(
        "forwarded_for",
        fmt::format("forwarded_for must be true, false or a table, not {}", node->kind_name()),
        "forwarded_for = { except = [\"127.0.0.0/8\"] }");
    return std::nullopt;
  }
  TableReader table(*node, section.path() + ".forwarded_for", section.diagnostics());
  ForwardedFor out;
  read_header_name(table, out);
  const ConfigNode* except = table.raw("except");
  const auto texts = table.strings("except");
  for (std::size_t i = 0, item = 0; except && i < texts.size(); ++i, ++item) {
    // strings() leaves out what is no string; find the place of the one it gave.
    const bool is_array = except->kind == ConfigNode::Kind::Array;
    while (is_array && except->array[item].kind != ConfigNode::Kind::String) ++item;
    const auto network = Cidr::parse(texts[i]);
    if (network)
      out.except.push_back(*network);
    else
      table.error_at(is_array ? except->array[item].where : except->where, network.error().message,
                     "as \"127.0.0.0/8\"");
  }
  if (const auto if_none = table.boolean("if_none")) out.if_none = *if_none;
  table.finish();
  return out;
}

void read_frontend_keys(TableReader& section, Frontend& out) {
  if (const auto mode = read_mode(section)) out.mode = *mode;
  if (const auto disabled = section.boolean("disabled")) out.disabled = *disabled;
  if (const auto maxconn = section.integer("maxconn", 0, 100'000'000))
    out.maxconn = static_cast<unsigned>(*maxconn);
  if (const auto priority = section.integer("priority", -2047, 2047))
    out.priority = static_cast<int>(*priority);
  if (const auto connection = read_connection(section)) out.connection = *connection;
  read_listener_defaults(section, out);
  out.forwarded_for = read_forwarded_for(section);
  out.stats = read_stats(section);
  out.error_files = read_error_files(section);
  read_timeouts(section, out.timeout);
  read_access_log(section, out);
  refuse_http_keys(section, out.mode);
  refuse_not_built(section, kNotBuiltFrontend);
  refuse_foreign_section_words(section);
}

}  // namespace hapair::proxy
