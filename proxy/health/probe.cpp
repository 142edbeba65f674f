#include "proxy/health/probe.h"

#include <cerrno>
#include <system_error>

#include "common/text.h"

namespace hapair::health {
namespace {

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

ProbeResult invalid() {
  return {.status = ProbeStatus::L7Invalid};
}

// `line` without its end: "HTTP/1.1 404 Not Found".
ProbeResult judge(std::string_view line) {
  constexpr std::string_view kName = "HTTP/";
  if (!line.starts_with(kName) || line.size() < 12 || !is_digit(line[5]) || line[6] != '.' ||
      !is_digit(line[7]) || line[8] != ' ')
    return invalid();
  const auto code = parse_number<int>(line.substr(9, 3));
  if (!code || *code < 100 || (line.size() > 12 && line[12] != ' ')) return invalid();
  if (*code >= 200 && *code < 400) return {.status = ProbeStatus::L7Ok, .code = *code};
  std::string_view phrase = line.size() > 13 ? line.substr(13) : std::string_view{};
  while (phrase.ends_with(' ')) phrase.remove_suffix(1);
  return {.status = ProbeStatus::L7Status, .code = *code, .info = std::string(phrase)};
}

}  // namespace

std::string_view short_code(ProbeStatus status) {
  switch (status) {
    case ProbeStatus::Initializing: return "INI";
    case ProbeStatus::L4Ok: return "L4OK";
    case ProbeStatus::L4Refused: return "L4CON";
    case ProbeStatus::L4Timeout: return "L4TOUT";
    case ProbeStatus::L7Ok: return "L7OK";
    case ProbeStatus::L7OkConditional: return "L7OKC";
    case ProbeStatus::L7Invalid: return "L7RSP";
    case ProbeStatus::L7Timeout: return "L7TOUT";
    case ProbeStatus::L7Status: return "L7STS";
    case ProbeStatus::CommandOk: return "PROCOK";
    case ProbeStatus::CommandFailed: return "PROCERR";
    case ProbeStatus::CommandTimeout: return "PROCTOUT";
    case ProbeStatus::NoChange: return "CHECKED";
    case ProbeStatus::Observed: return "HANA";
    case ProbeStatus::SocketError: return "SOCKERR";
  }
  return "UNK";
}

std::string_view description(ProbeStatus status) {
  switch (status) {
    case ProbeStatus::Initializing: return "Initializing";
    case ProbeStatus::L4Ok: return "Layer4 check passed";
    case ProbeStatus::L4Refused: return "Layer4 connection problem";
    case ProbeStatus::L4Timeout: return "Layer4 timeout";
    case ProbeStatus::L7Ok: return "Layer7 check passed";
    case ProbeStatus::L7OkConditional: return "Layer7 check conditionally passed";
    case ProbeStatus::L7Invalid: return "Layer7 invalid response";
    case ProbeStatus::L7Timeout: return "Layer7 timeout";
    case ProbeStatus::L7Status: return "Layer7 wrong status";
    case ProbeStatus::CommandOk: return "External check passed";
    case ProbeStatus::CommandFailed: return "External check error";
    case ProbeStatus::CommandTimeout: return "External check timeout";
    case ProbeStatus::NoChange: return "No status change";
    case ProbeStatus::Observed: return "Health analyze";
    case ProbeStatus::SocketError: return "Socket error";
  }
  return "Unknown";
}

std::string probe_request(std::string_view method, std::string_view target,
                          std::string_view version) {
  std::string request;
  request.append(method).append(" ").append(target).append(" ").append(version);
  return request.append("\r\n\r\n");
}

ProbeResult connect_passed() {
  return {.status = ProbeStatus::L4Ok};
}

ProbeResult connect_failed(int error_number) {
  if (error_number == ETIMEDOUT) return {.status = ProbeStatus::L4Timeout};
  return {.status = ProbeStatus::L4Refused, .info = reason(error_number)};
}

bool is_our_own(int error_number) {
  switch (error_number) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRINUSE:
    case EADDRNOTAVAIL: return true;
    default: return false;
  }
}

ProbeResult timed_out(bool connected) {
  return {.status = connected ? ProbeStatus::L7Timeout : ProbeStatus::L4Timeout};
}

ProbeResult not_started(int error_number) {
  return {.status = ProbeStatus::SocketError, .info = reason(error_number)};
}

std::optional<ProbeResult> StatusLineReader::on_bytes(std::string_view bytes) {
  const auto end = bytes.find('\n');
  if (end == bytes.npos) {
    line_.append(bytes);
    if (line_.size() > kLongestLine) return invalid();
    return std::nullopt;
  }
  line_.append(bytes.substr(0, end));
  std::string_view line = line_;
  if (line.size() > kLongestLine) return invalid();
  if (line.ends_with('\r')) line.remove_suffix(1);
  return judge(line);
}

ProbeResult StatusLineReader::on_end(int error_number) const {
  ProbeResult result = invalid();
  if (error_number != 0) result.info = reason(error_number);
  return result;
}

}  // namespace hapair::health
