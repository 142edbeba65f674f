// One function for each noun of the proxy's configuration: what a table says, as values. Each
// reports its own mistakes and leaves defaults where the table is silent or wrong.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "common/config_reader.h"
#include "proxy/config/config.h"

namespace hapair::proxy {

inline constexpr std::string_view kNotBuilt = "known, but not built yet";
inline constexpr std::string_view kNotBuiltRemedy = "leave it out for now";

/// What a duration of the configuration may be at most (HAProxy's limit: 2^31 milliseconds).
inline constexpr Duration kLongest = std::chrono::milliseconds(2147483647);

/// Refuses by name every key of `keys` that the table has.
template <std::size_t N>
void refuse_not_built(TableReader& table, const std::array<std::string_view, N>& keys) {
  for (const std::string_view key : keys) table.refuse(key, kNotBuilt, kNotBuiltRemedy);
}

/// A word of HAProxy's, and what is written here instead.
struct ForeignWord {
  std::string_view word, here;
};

template <std::size_t N>
void refuse_foreign(TableReader& table, const std::array<ForeignWord, N>& words) {
  for (const auto& [word, here] : words) table.refuse(word, "this is said otherwise here", here);
}

/// `root`: the whole document.
void read_global(TableReader& global, const ConfigNode& root, Global& out);

/// The keys of one [frontend], which [listen] and [defaults] share. Not `bind` and
/// `default_backend`, which only a section of its own can have.
void read_frontend_keys(TableReader& section, Frontend& out);
/// `backlog` and `accept_proxy`, for binds that do not say.
void read_listener_defaults(TableReader& section, Frontend& out);
/// `bind`, a list of "ADDRESS:PORT" or { address = … }. Answers where each one stands; a range of
/// ports makes several. Call after read_frontend_keys.
std::vector<SourceLocation> read_binds(TableReader& section, Frontend& out);

/// The keys of one [backend], which [listen] and [defaults] share: not `server`. `check` is left
/// for read_servers, but reported on here.
void read_backend_keys(TableReader& section, Backend& out);
/// [[….server]]; call after read_backend_keys.
void read_servers(TableReader& section, Backend& out);

/// `source`: what it says takes the place of what `out` has.
void read_source(TableReader& section, Approach& out);
void read_send_proxy(TableReader& section, std::optional<SendProxy>& out);

void read_timeouts(TableReader& section, Timeouts& out);
/// `log_format`, `log` and what else says which requests are logged where.
void read_access_log(TableReader& section, Frontend& out);
/// `balance` and the hash_* keys; in TCP mode there is nothing but the client's address to hash.
void read_balance(TableReader& section, Mode mode, Balance& out);
void read_retry(TableReader& section, RetryRules& out);
/// `slow_start` of a backend (for all its servers) or of a server.
std::optional<SlowStart> read_slow_start(TableReader& section);
std::optional<Stats> read_stats(TableReader& section);
std::optional<ForwardedFor> read_forwarded_for(TableReader& section);
/// `cookie = { … }` of a backend.
std::optional<CookiePersistence> read_cookie(TableReader& section);
void read_server_cookie(TableReader& table, const std::optional<CookiePersistence>& of_backend,
                        Server& out);
/// A cookie that no server has a value for.
void warn_of_cookie_without_servers(TableReader& section, const Backend& backend);
/// Of a server whose word is made (`dynamic`) and comes out as that of one before it in the
/// backend.
void warn_of_equal_made_cookie(TableReader& table, const Backend& backend, const Server& server);
/// `error_files = { 503 = "FILE" }`; each file is read here.
ErrorFiles read_error_files(TableReader& section);
/// The page of `return = { … }`.
FixedAnswer read_fixed_answer(TableReader& table);
/// `text`, what `path` holds, is a whole HTTP response as HAProxy's error files are; line ends may
/// be bare. Framing and Connection are not kept: they are ours to say.
Result<FixedAnswer> parse_whole_response(std::string_view text, std::string_view path);

/// A backend that something names: resolved once all backends are known.
struct BackendReference {
  std::string name;
  SourceLocation where;
  std::size_t item;  // of the list that was read
};
/// [[….route]], in the file's order.
std::vector<Route> read_routes(TableReader& section, Mode mode,
                               std::vector<BackendReference>& references);
/// `monitor_uri` and `monitor_fail`.
std::optional<Monitor> read_monitor(TableReader& section,
                                    std::vector<BackendReference>& references);

std::optional<ConnectionMode> read_connection(TableReader& section);
std::optional<Mode> read_mode(TableReader& section);
void refuse_http_keys(TableReader& section, Mode mode);
/// HAProxy's words that may stand in any of its sections.
void refuse_foreign_section_words(TableReader& section);

/// What a `check` key says: nothing (absent or false), the plain check (true), or a table's.
std::optional<Check> read_check(TableReader& section);
/// The settings of a check table whose place in the file is `path`.
Check read_check_table(const ConfigNode& table, const std::string& path, Diagnostics& diagnostics);

// Parts of a check.
void read_expect(TableReader& check, Check& out);
void read_check_headers(TableReader& check, Check& out);
void read_steps(TableReader& check, Check& out);
/// `observe`, `error_limit` and `on_error` of a backend (for all its servers) or of a server: what
/// is said takes the place of what `out` has.
void read_observe(TableReader& section, Mode mode, Observe& out);
/// Call after the server's check was read: observing means nothing without one.
void judge_observe(TableReader& server, Server& out);
/// `on_marked_down` and `on_marked_up`, likewise.
void read_marks(TableReader& section, Server& out);
/// Observing that nothing comes of.
void warn_of_idle_observation(TableReader& section, const Backend& backend);
/// Of a type that can be had within TLS.
void read_check_tls(TableReader& check, Check& out);
/// `agent = { port = … }` of a server.
void read_agent(TableReader& server, Server& out);
/// `track = "backend/server"`; call after the server's check was read.
void read_track(TableReader& server, const Backend& backend, Server& out);
/// Every tracked server must be there and be checked itself.
void judge_tracks(const ConfigNode& root, const Config& config, Diagnostics& diagnostics);

/// Reports a name that would not survive in a log line or a statistics column.
void check_name(std::string_view name, std::string_view kind, const SourceLocation& where,
                Diagnostics& diagnostics);

/// What the kernel takes as the name of a network interface.
bool is_interface_name(std::string_view name);
/// What can be the name of a user or a group.
bool is_account_name(std::string_view name);

/// RFC 9110 section 5.6.2: the characters of a method or a field name.
bool is_token(std::string_view text);
/// True if a byte would break a request line or a header field.
bool has_control_byte(std::string_view text);

}  // namespace hapair::proxy
