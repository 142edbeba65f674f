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

Result<LogTarget> LogTarget::parse(std::string_view text) {
  LogTarget target;
  if (text == "stderr") {
    target.transport = Transport::Stderr;
    return target;
  }
  const bool unix_prefix = text.starts_with("unix:");
  if (unix_prefix || text.starts_with('/')) {
    if (unix_prefix) text.remove_prefix(5);
    if (!text.starts_with('/'))
      return fail(Errc::Syntax, "'{}' is not an absolute path, as in \"unix:/dev/log\"", text);
    if (text.size() > 107)  // sun_path, less its NUL
      return fail(Errc::Range, "'{}' is too long for a Unix socket (107 bytes)", text);
    target.transport = Transport::UnixDatagram;
    target.path = text;
    return target;
  }
  if (text.starts_with("udp:")) text.remove_prefix(4);
  if (const auto alone = IpAddress::parse(text)) {
    target.address = {*alone, 514};
    return target;
  }
  const auto address = SocketAddress::parse(text);
  if (!address || (address->ip.is_any()))
    return fail(Errc::Syntax,
                "'{}' is not a log target: \"udp:ADDRESS:PORT\", \"unix:/dev/log\" or \"stderr\"",
                text);
  target.address = *address;
  return target;
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
