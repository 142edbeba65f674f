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
