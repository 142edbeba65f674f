#include "vrrp/core/effect.h"

#include <fmt/format.h>

namespace hapair::vrrp {
namespace {

std::string_view words(Noticed::Event event) {
  switch (event) {
    case Noticed::Event::ForcingElection: return "forcing a new MASTER election";
    case Noticed::Event::Transition: return "Transition to MASTER STATE";
    case Noticed::Event::LowerAdvert: return "Received lower prio advert, forcing new election";
    case Noticed::Event::HigherAdvert: return "Received higher prio advert";
    case Noticed::Event::Yielding: return "resigning: the peer's priority is higher";
    case Noticed::Event::Stalled: return "was not running for longer than the others wait: listening";
  }
  return "";
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::Initialize: return "INIT";
    case State::Backup: return "BACKUP";
    case State::Claiming: return "CLAIMING";
    case State::Master: return "MASTER";
    case State::Fault: return "FAULT";
  }
  return "";
}

std::optional<State> parse_state(std::string_view text) {
  for (const State state :
       {State::Initialize, State::Backup, State::Claiming, State::Master, State::Fault})
    if (text == to_string(state)) return state;
  return std::nullopt;
}

std::string to_string(const Cause& cause) {
  const auto spoken = [&](std::string_view what) {
    return fmt::format("{} {} with priority {}", cause.rival.to_string(), what, cause.priority);
  };
  switch (cause.kind) {
    case Cause::Kind::Start: return "the daemon started";
    case Cause::Kind::Silence: return "no master was heard";
    case Cause::Kind::Resignation: return cause.rival.to_string() + " resigned";
    case Cause::Kind::Claim: return "nobody better answered the claim";
    case Cause::Kind::Lower: return spoken("was master");
    case Cause::Kind::Higher: return spoken("speaks");
    case Cause::Kind::Unusable: return "this node cannot serve";
    case Cause::Kind::Usable: return "this node can serve again";
    case Cause::Kind::Yield:
      return fmt::format("the own priority fell below the peer's, {}", cause.priority);
    case Cause::Kind::Stall: return "the daemon was not running for a while";
    case Cause::Kind::Group: return "another member of the synchronization group changed";
    case Cause::Kind::Handover: return "a handover was arranged";
    case Cause::Kind::Shutdown: return "the daemon stopped";
  }
  return "";
}

std::optional<std::string> log_line(const Effect& effect, std::string_view instance) {
  if (const auto* noticed = std::get_if<Noticed>(&effect))
    return fmt::format("VRRP_Instance({}) {}", instance, words(noticed->event));
  if (const auto* entering = std::get_if<Entering>(&effect))
    return fmt::format("VRRP_Instance({}) Entering {} STATE", instance, to_string(entering->state));
  if (const auto* became = std::get_if<Became>(&effect); became && became->state == State::Fault)
    return fmt::format("VRRP_Instance({}) Now in FAULT state", instance);
  return std::nullopt;
}

}  // namespace hapair::vrrp
