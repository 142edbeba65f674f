// What the election asks its owner to do, as values, with the words that tell of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/address.h"

namespace hapair::vrrp {

enum class State {
  Initialize,  // not started, or stopped
  Backup,      // listens to the master
  Claiming,    // has announced that it wants to be master; holds no address yet
  Master,
  Fault,  // cannot serve: link down, own address gone, or a script of weight 0 failed
};
std::string_view to_string(State state);  // "MASTER", as notify scripts and logs spell it

/// Something was decided, and why. Only to be told.
struct Noticed {
  enum class Event {
    ForcingElection,  // the master we followed fell below us
    Transition,       // about to become master
    LowerAdvert,      // a lower router speaks as master: answered
    HigherAdvert,     // a higher one speaks: we give way
  };
  Event event;
  IpAddress rival{};          // who spoke, for the last two and ForcingElection
  std::uint8_t priority = 0;  // what it said
  friend bool operator==(const Noticed&, const Noticed&) = default;
};
/// The state changes with what follows. Only to be told.
struct Entering {
  State state;
  friend bool operator==(const Entering&, const Entering&) = default;
};
struct SendAdvert {
  std::uint8_t priority;
  friend bool operator==(const SendAdvert&, const SendAdvert&) = default;
};
struct AddAddresses {
  friend bool operator==(const AddAddresses&, const AddAddresses&) = default;
};
/// Also ends every announcement that is still to come.
struct RemoveAddresses {
  friend bool operator==(const RemoveAddresses&, const RemoveAddresses&) = default;
};
struct Announce {
  enum class Cause { Takeover, Rival };
  Cause cause;
  friend bool operator==(const Announce&, const Announce&) = default;
};
/// The change is complete: whoever must be told of it can be told.
struct Became {
  State state;
  friend bool operator==(const Became&, const Became&) = default;
};

using Effect =
    std::variant<Noticed, Entering, SendAdvert, AddAddresses, RemoveAddresses, Announce, Became>;
using Effects = std::vector<Effect>;

/// The log line of an effect in the words of keepalived 1.2.7, which seed 002 shows; nothing for
/// effects that are told elsewhere or not at all.
std::optional<std::string> log_line(const Effect& effect, std::string_view instance);

}  // namespace hapair::vrrp
