// What a log line is, and its bytes on the wire.
#include "common/log.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

#include "common/text.h"

namespace hapair {

const std::vector<std::string>& severity_words() {
  static const std::vector<std::string> words = {"emerg",   "alert",  "crit", "err",
                                                 "warning", "notice", "info", "debug"};
  return words;
}

const std::vector<std::string>& facility_words() {
  // The numbers are RFC 3164's; the names where it has none are HAProxy's.
  static const std::vector<std::string> words = {
      "kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
      "uucp",   "cron",   "auth2",  "ftp",    "ntp",    "audit",  "alert",  "cron2",
      "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
  return words;
}

Result<Severity> parse_severity(std::string_view word) {
  constexpr std::array<std::string_view, 8> full = {
      "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"};
  for (std::size_t i = 0; i < full.size(); ++i)
    if (word == severity_words()[i] || word == full[i]) return static_cast<Severity>(i);
  return fail(Errc::Syntax, "'{}' is not a log level", word);
}

Result<int> parse_facility(std::string_view word) {
  const auto& words = facility_words();
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<int>(found - words.begin());
  if (word == "authpriv") return 10;  // syslog(3)'s name for auth2
  return fail(Errc::Syntax, "'{}' is not a syslog facility", word);
}

namespace {

using Transport = LogTarget::Transport;

constexpr std::string_view kForms =
    "\"udp:ADDRESS:PORT\", \"tcp:ADDRESS:PORT\", \"unix:/dev/log\", \"unix-stream:/PATH\", "
    "\"file:/PATH\", \"stderr\", \"stdout\" or \"journald\"";

constexpr std::pair<std::string_view, Transport> kPathPrefixes[] = {
    {"unix:", Transport::UnixDatagram},
    {"unix-stream:", Transport::UnixStream},
    {"file:", Transport::File},
    {"", Transport::UnixDatagram}};

constexpr std::pair<std::string_view, Transport> kAddressPrefixes[] = {
    {"udp:", Transport::Udp}, {"tcp:", Transport::Tcp}, {"", Transport::Udp}};

constexpr std::pair<std::string_view, Transport> kWords[] = {{"stderr", Transport::Stderr},
                                                             {"stdout", Transport::Stdout},
                                                             {"journald", Transport::Journal}};

Result<LogTarget> parse_path(Transport transport, std::string_view prefix, std::string_view path) {
  if (!path.starts_with('/'))
    return fail(Errc::Syntax, "'{}{}' is not an absolute path, as in \"unix:/dev/log\"", prefix,
                path);
  if (path.find('\0') != path.npos) return fail(Errc::Syntax, "a path cannot hold a NUL byte");
  if (transport != Transport::File && path.size() > 107)  // sun_path, less its NUL
    return fail(Errc::Range, "'{}' is too long for a Unix socket (107 bytes)", path);
  LogTarget target;
  target.transport = transport;
  target.path = path;
  return target;
}

}  // namespace

Result<LogTarget> LogTarget::parse(std::string_view text) {
  LogTarget target;
  for (const auto& [word, transport] : kWords) {
    if (text != word) continue;
    target.transport = transport;
    return target;
  }
  for (const auto& [prefix, transport] : kPathPrefixes)
    if (text.starts_with(prefix) && (!prefix.empty() || text.starts_with('/')))
      return parse_path(transport, prefix, text.substr(prefix.size()));
  for (const auto& [prefix, transport] : kAddressPrefixes) {
    if (!text.starts_with(prefix)) continue;
    const std::string_view rest = text.substr(prefix.size());
    target.transport = transport;
    if (const auto alone = IpAddress::parse(rest)) {
      target.address = {*alone, 514};
      return target;
    }
    const auto address = SocketAddress::parse(rest);
    if (!address || address->ip.is_any() || address->port == 0) break;
    target.address = *address;
    return target;
  }
  return fail(Errc::Syntax, "'{}' is not a log target: {}", text, kForms);
}

std::string LogTarget::name() const {
  for (const auto& [word, known] : kWords)
    if (transport == known) return std::string(word);
  for (const auto& [prefix, known] : kPathPrefixes)
    if (transport == known) return std::string(prefix) + path;
  return (transport == Transport::Udp ? "udp:" : "tcp:") + address.to_string();
}

std::vector<LogTarget> joined(std::vector<LogTarget> targets,
                              const std::vector<LogTarget>& others) {
  targets.insert(targets.end(), others.begin(), others.end());
  return targets;
}

Result<LogTarget::Sample> parse_sample(std::string_view text) {
  const auto slash = text.find('/');
  if (slash != text.npos) {
    const auto take = parse_number<unsigned>(text.substr(0, slash));
    const auto of = parse_number<unsigned>(text.substr(slash + 1));
    if (take && of && *take > 0 && *take <= *of && *of <= 1'000'000)
      return LogTarget::Sample{*take, *of};
  }
  return fail(Errc::Syntax, "'{}' is not a share of the lines, as in \"1/10\"", text);
}

std::string_view Rfc3164Clock::stamp(WallTime now) {
  const std::int64_t second =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (second != second_) {
    // Not strftime: the names of the months must not depend on the locale.
    static constexpr char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    std::tm local{};
    const auto time = static_cast<std::time_t>(second);
    localtime_r(&time, &local);
    auto* end = fmt::format_to_n(text_, sizeof text_ - 1, "{:.3} {:2} {:02}:{:02}:{:02}",
                                 std::string_view(months + 3 * local.tm_mon, 3), local.tm_mday,
                                 local.tm_hour, local.tm_min, local.tm_sec)
                    .out;
    *end = '\0';
    second_ = second;
  }
  return {text_, 15};
}

}  // namespace hapair
