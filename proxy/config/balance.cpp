// Reads `balance` and what tells its hashing algorithms how to hash.
#include <algorithm>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

using Algorithm = Balance::Algorithm;
using Kind = BalanceKey::Kind;

// In the order of Algorithm; what is written in the file.
constexpr std::array<std::string_view, 10> kWords = {"roundrobin", "static-rr", "leastconn", "first",
                                                     "source",     "random",    "uri",       "url_param",
                                                     "header",     "hash"};
constexpr std::string_view kNotBuiltWord = "rdp-cookie";
// In a table: which algorithm it is.
constexpr std::array<std::string_view, 6> kNaming = {"algorithm", "random", "url_param",
                                                     "header",    "hash",   "rdp_cookie"};
// In the order of HashFunction.
constexpr std::array<std::string_view, 6> kFunctions = {"siphash", "fnv1a", "sdbm",
                                                        "djb2",    "crc32", "none"};
constexpr std::int64_t kMostDraws = 100;
constexpr std::int64_t kLongestKey = 1'000'000;

std::string_view example(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::UrlParam: return "balance = { url_param = \"userid\" }";
    case Algorithm::Header: return "balance = { header = \"X-Tenant\" }";
    case Algorithm::Hash: return "balance = { hash = \"header:X-Tenant\" }";
    default: return "balance = \"roundrobin\"";
  }
}

std::optional<Algorithm> read_word(TableReader& reader, std::string_view key) {
  std::vector<std::string> words(kWords.begin(), kWords.end());
  words.emplace_back(kNotBuiltWord);
  const auto index = reader.word(key, words);
  if (!index) return std::nullopt;
  if (*index < kWords.size()) return static_cast<Algorithm>(*index);
  reader.error(key, fmt::format("balance \"{}\": {}", kNotBuiltWord, kNotBuilt),
               fmt::format("this build has \"{}\"", fmt::join(kWords, "\", \"")));
  return std::nullopt;
}

/// A name that must be there and must be one that a message can have.
void read_name(TableReader& table, std::string_view key, bool token, BalanceKey& out) {
  const auto name = table.string(key);
  if (!name) return;
  out.name = *name;
  if (token ? is_token(*name) : !name->empty() && !has_control_byte(*name)) return;
  table.error(key, fmt::format("\"{}\" cannot be the name of a {}", *name,
                               token ? "header field" : "parameter"));
}

void read_uri_limits(TableReader& table, BalanceKey& out) {
  if (const auto length = table.integer("len", 1, kLongestKey))
    out.length = static_cast<unsigned>(*length);
  if (const auto depth = table.integer("depth", 1, kLongestKey))
    out.depth = static_cast<unsigned>(*depth);
  if (const auto whole = table.boolean("whole")) out.whole = *whole;
}

void read_masks(TableReader& table, BalanceKey& out) {
  if (const auto bits = table.integer("mask", 0, 32)) out.mask = static_cast<unsigned>(*bits);
  if (const auto bits = table.integer("mask6", 0, 128)) out.mask6 = static_cast<unsigned>(*bits);
}

/// "source", "path", "uri", "header:NAME", "cookie:NAME", "query:NAME".
void read_expression(TableReader& table, std::string_view key, BalanceKey& out) {
  const auto text = table.string(key);
  if (!text) return;
  const std::string_view whole = *text;
  const auto colon = whole.find(':');
  const std::string_view noun = whole.substr(0, colon);
  const std::string_view name = colon == whole.npos ? std::string_view{} : whole.substr(colon + 1);
  constexpr std::array<std::pair<std::string_view, Kind>, 6> kNouns = {
      {{"source", Kind::Source}, {"path", Kind::Path}, {"uri", Kind::Uri},
       {"header", Kind::Header}, {"cookie", Kind::Cookie}, {"query", Kind::Query}}};
  const auto found = std::find_if(kNouns.begin(), kNouns.end(),
                                  [&](const auto& known) { return known.first == noun; });
  constexpr std::string_view kHint =
      "\"source\", \"path\", \"uri\", \"header:NAME\", \"cookie:NAME\" or \"query:NAME\"";
  if (found == kNouns.end()) {
    std::vector<std::string> words;
    for (const auto& known : kNouns) words.emplace_back(known.first);
    const auto near = nearest_word(noun, words);
    table.error(key, fmt::format("unknown key \"{}\" to hash", whole),
                near ? fmt::format("did you mean \"{}\"?", *near) : std::string(kHint));
    return;
  }
  out.kind = found->second;
  out.name = name;
  const bool named =
      out.kind == Kind::Header || out.kind == Kind::Cookie || out.kind == Kind::Query;
  const bool good = !named ? colon == whole.npos
                    : out.kind == Kind::Query ? !name.empty() && !has_control_byte(name)
                                              : is_token(name);
  if (!good)
    table.error(key, named ? fmt::format("\"{}\" needs a name: \"{}:NAME\"", whole, noun)
                           : fmt::format("\"{}\" has no name", noun),
                std::string(kHint));
  switch (out.kind) {
    case Kind::Uri:
    case Kind::Path: read_uri_limits(table, out); break;
    case Kind::Source: read_masks(table, out); break;
    case Kind::Query:
      if (const auto post = table.boolean("check_post")) out.check_post = *post;
      break;
    case Kind::Header: {
      if (const auto which = table.integer("occurrence", -100, 100)) {
        out.occurrence = static_cast<int>(*which);
        if (out.occurrence == 0)
          table.error("occurrence", "there is no occurrence 0", "1 is the first, -1 the last one");
      }
      const auto as_address = table.boolean("ip");
      const bool masked = table.has("mask") || table.has("mask6");
      if (as_address.value_or(masked)) {
        out.kind = Kind::HeaderAddress;
        if (out.occurrence == 0) out.occurrence = -1;  // what the nearest proxy has added
        read_masks(table, out);
      }
      break;
    }
    default: break;
  }
}

void read_details(TableReader& table, std::string_view key, Balance& out) {
  const std::string own(key);  // "header" of { header = "X" }, "name" of { algorithm = "header" }
  switch (out.algorithm) {
    case Algorithm::Random:
      if (const auto draws = table.integer(own == "algorithm" ? "draws" : own, 1, kMostDraws))
        out.draws = static_cast<unsigned>(*draws);
      return;
    case Algorithm::Source:
      out.key.kind = Kind::Source;
      read_masks(table, out.key);
      return;
    case Algorithm::Uri:
      out.key.kind = Kind::Uri;
      read_uri_limits(table, out.key);
      if (const auto path = table.boolean("path_only"); path && *path) out.key.kind = Kind::Path;
      return;
    case Algorithm::UrlParam:
      out.key.kind = Kind::Query;
      read_name(table, own == "algorithm" ? "name" : own, /*token=*/false, out.key);
      if (const auto post = table.boolean("check_post")) out.key.check_post = *post;
      break;
    case Algorithm::Header:
      out.key.kind = Kind::Header;
      read_name(table, own == "algorithm" ? "name" : own, /*token=*/true, out.key);
      if (const auto only = table.boolean("use_domain_only")) out.key.domain_only = *only;
      break;
    case Algorithm::Hash:
      read_expression(table, own == "algorithm" ? "key" : own, out.key);
      if (own == "algorithm" && !table.has("key"))
        table.error_at(table.where(), "balance \"hash\" needs a key", std::string(example(out.algorithm)));
      return;
    default: return;
  }
  if (own == "algorithm" && !table.has("name"))
    table.error_at(table.where(),
                   fmt::format("balance \"{}\" needs a name",
                               kWords[static_cast<std::size_t>(out.algorithm)]),
                   std::string(example(out.algorithm)));
}

bool names_algorithm(const ConfigNode::Entry& entry) {
  return std::find(kNaming.begin(), kNaming.end(), entry.key) != kNaming.end();
}

/// What lies beneath the topmost algorithm was said of another one.
ConfigNode of_one_algorithm(ConfigNode table) {
  unsigned top = 0;
  for (const ConfigNode::Entry& entry : table.table)
    if (names_algorithm(entry)) top = std::max(top, entry.layer);
  std::erase_if(table.table, [top](const auto& entry) { return entry.layer < top; });
  return table;
}

/// True, and reported, if the table names more than one algorithm.
bool names_two(TableReader& table) {
  std::vector<const ConfigNode::Entry*> named;
  for (const ConfigNode::Entry& entry : table.node().table)
    if (names_algorithm(entry)) named.push_back(&entry);
  if (named.size() < 2) return false;
  for (const ConfigNode::Entry& entry : table.node().table)
    table.raw(entry.key);  // no word of these
  table.error_at(
      named[1]->key_where,
      fmt::format("balance has one algorithm: this has {} and {}", named[0]->key, named[1]->key),
      "leave out one of them");
  return true;
}

void read_table(TableReader& table, TableReader& section, Balance& out) {
  if (names_two(table)) return;
  table.refuse("rdp_cookie", kNotBuilt, "another algorithm, as balance = \"source\"");
  std::string key;
  if (table.has("algorithm")) {
    key = "algorithm";
    const auto algorithm = read_word(table, key);
    if (!algorithm) return;
    out.algorithm = *algorithm;
  } else {
    for (const Algorithm short_one :
         {Algorithm::Random, Algorithm::UrlParam, Algorithm::Header, Algorithm::Hash}) {
      const std::string_view word = kWords[static_cast<std::size_t>(short_one)];
      if (!table.has(word) || !key.empty()) continue;
      key = word;
      out.algorithm = short_one;
    }
    if (key.empty() && table.node().table.empty())
      section.error("balance", "the table names no algorithm",
                    "balance = { random = 2 }, or { algorithm = \"uri\", depth = 2 }");
    if (key.empty()) {
      for (const std::string_view known : {"algorithm"}) table.has(known);
      return;
    }
  }
  read_details(table, key, out);
}

/// In TCP mode. What [defaults] say is for those that have requests: then it goes around, as in
/// HAProxy.
void judge_request_key(TableReader& section, Balance& out) {
  const auto why = fmt::format("balance \"{}\" looks at requests, and mode \"tcp\" has none",
                               kWords[static_cast<std::size_t>(out.algorithm)]);
  if (const auto* entry = section.node().find("balance"); entry && entry->inherited) {
    section.warning("balance", fmt::format("{}: {} goes around in turn", why, section.path()),
                    fmt::format("balance = \"roundrobin\" or \"source\" in {}", section.path()));
    out = Balance{};
    return;
  }
  section.error("balance", why, "mode = \"http\", or balance = \"source\"");
}

/// Said here, and not in [defaults], for an algorithm that hashes nothing.
void warn_of_idle_hash_keys(TableReader& section, const Balance& balance) {
  if (balance.hashes()) return;
  for (const std::string_view key : {"hash_type", "hash_function", "hash_key", "hash_balance_factor"})
    if (const auto* entry = section.node().find(key);
        entry && !entry->inherited && section.path() != "defaults")
      section.warning(key,
                      fmt::format("balance \"{}\" hashes nothing: {} does not count",
                                  kWords[static_cast<std::size_t>(balance.algorithm)], key),
                      "balance = \"source\", \"uri\" …");
}

void read_hashing(TableReader& section, Balance& out) {
  const std::vector<std::string> types = {"map-based", "consistent"};
  if (const auto type = section.word("hash_type", types))
    out.hash_type = static_cast<Balance::HashType>(*type);
  // The client's address has had a function of its own from the beginning, and keeps it.
  if (out.algorithm == Algorithm::Source) out.hash_function = Balance::HashFunction::Fnv1a;
  std::vector<std::string> functions(kFunctions.begin(), kFunctions.end());
  functions.emplace_back("wt6");
  if (const auto function = section.word("hash_function", functions)) {
    if (*function < kFunctions.size())
      out.hash_function = static_cast<Balance::HashFunction>(*function);
    else
      section.error("hash_function", fmt::format("hash_function \"wt6\": {}", kNotBuilt),
                    "\"siphash\" spreads keys better, and nobody can steer it");
  }
  if (const auto key = section.string("hash_key")) out.hash_key = *key;
  if (const auto factor = section.integer("hash_balance_factor", 0, 65535)) {
    out.hash_balance_factor = static_cast<unsigned>(*factor);
    if (out.hash_balance_factor > 0 && out.hash_balance_factor <= 100) {
      section.error("hash_balance_factor",
                    fmt::format("no more than {} percent of its fair share for every server would "
                                "leave requests without one",
                                out.hash_balance_factor),
                    "above 100, as 150; or 0 for no bound");
    } else if (out.hash_balance_factor > 0 && out.hashes() &&
               out.hash_type != Balance::HashType::Consistent) {
      section.error("hash_balance_factor", "hash_balance_factor needs hash_type = \"consistent\"",
                    "add hash_type = \"consistent\"");
    }
  }
  warn_of_idle_hash_keys(section, out);
}

}  // namespace

std::string_view word(Balance::Algorithm algorithm) {
  if (algorithm == Algorithm::Header) return "hdr";
  return kWords[static_cast<std::size_t>(algorithm)];
}

void read_balance(TableReader& section, Mode mode, Balance& out) {
  if (const ConfigNode* node = section.raw("balance")) {
    if (node->kind == ConfigNode::Kind::Table) {
      const ConfigNode whole = of_one_algorithm(*node);
      TableReader table(whole, section.path() + ".balance", section.diagnostics());
      read_table(table, section, out);
      table.finish();
    } else if (node->kind != ConfigNode::Kind::String) {
      section.error("balance", fmt::format("balance must be a word, not {}", node->kind_name()),
                    "balance = \"roundrobin\"");
    } else if (const auto algorithm = read_word(section, "balance")) {
      out.algorithm = *algorithm;
      if (out.algorithm == Algorithm::Source) out.key.kind = Kind::Source;
      if (out.algorithm == Algorithm::Uri) out.key.kind = Kind::Uri;
      if (out.algorithm == Algorithm::UrlParam || out.algorithm == Algorithm::Header ||
          out.algorithm == Algorithm::Hash)
        section.error("balance", fmt::format("balance \"{}\" must know of what", node->string),
                      std::string(example(out.algorithm)));
    }
    if (mode == Mode::Tcp && out.hashes() && out.key.kind != Kind::Source)
      judge_request_key(section, out);
  }
  read_hashing(section, out);
}

}  // namespace hapair::proxy
