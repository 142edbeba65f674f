#include "proxy/health/probe.h"

#include <cerrno>
#include <system_error>

namespace hapair::health {
namespace {

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace

std::string_view short_code(ProbeStatus status) {
  switch (status) {
    case ProbeStatus::Initializing: return "INI";
    case ProbeStatus::L4Ok: return "L4OK";
    case ProbeStatus::L4Refused: return "L4CON";
    case ProbeStatus::L4Timeout: return "L4TOUT";
    case ProbeStatus::L6Ok: return "L6OK";
    case ProbeStatus::L6Invalid: return "L6RSP";
    case ProbeStatus::L6Timeout: return "L6TOUT";
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
    case ProbeStatus::L6Ok: return "Layer6 check passed";
    case ProbeStatus::L6Invalid: return "Layer6 invalid response";
    case ProbeStatus::L6Timeout: return "Layer6 timeout";
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

ProbeResult not_started(int error_number) {
  return {.status = ProbeStatus::SocketError, .info = reason(error_number)};
}

}  // namespace hapair::health
