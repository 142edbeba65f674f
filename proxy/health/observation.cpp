#include "proxy/health/observation.h"

#include <fmt/format.h>

namespace hapair::health {
namespace {

std::string_view description(Evidence evidence) {
  switch (evidence) {
    case Evidence::Connected: return "L4 successful connection";
    case Evidence::ConnectFailed: return "L4 unsuccessful connection";
    case Evidence::GoodResponse: return "Correct http response";
    case Evidence::WrongStatus: return "Wrong http response";
    case Evidence::InvalidHead: return "Invalid http response (headers)";
    case Evidence::InvalidBody: return "Invalid http response";
    case Evidence::NoAnswerInTime: return "Read timeout (http)";
    case Evidence::ClosedUnanswered: return "Close from server (http)";
  }
  return "Unknown";
}

}  // namespace

std::optional<bool> speaks_for(Evidence evidence, Observed observed) {
  if (observed == Observed::Nothing) return std::nullopt;
  if (evidence == Evidence::ConnectFailed) return false;
  if (evidence == Evidence::Connected)
    return observed == Observed::Layer4 ? std::optional(true) : std::nullopt;
  if (observed == Observed::Layer4) return std::nullopt;
  return evidence == Evidence::GoodResponse;
}

std::string describe_errors(unsigned errors, Evidence last) {
  return fmt::format("Detected {} consecutive errors, last one was: {}", errors, description(last));
}

}  // namespace hapair::health
