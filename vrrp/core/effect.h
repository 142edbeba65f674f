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
std::optional<State> parse_state(std::string_view text);

/// Why the last change of state came about.
struct Cause {
  enum class Kind {
    Start,
    Silence,      // no advert of a master for the master-down interval
    Resignation,  // the master said that it gives up
    Claim,        // our claim was not answered by anybody better
    Lower,        // the master fell below us, or was there and we may preempt
    Higher,       // a better router speaks
    Unusable,     // we cannot serve; the owner knows why
    Usable,       // we can again
    Yield,        // our priority fell below the peer's: it was asked to take over
    Stall,        // we were not running, and do not know what happened meanwhile
    Group,        // another member of the synchronization group changed
    Handover,     // somebody arranged it
    Shutdown,
  };
  Kind kind = Kind::Start;
  IpAddress rival{};          // who spoke, where somebody did
  std::uint8_t priority = 0;  // what it said; of Yield: the peer's
  friend bool operator==(const Cause&, const Cause&) = default;
};
/// "no advert of the master was heard", "192.168.50.12 speaks with priority 103".
std::string to_string(const Cause& cause);

/// Something was decided, and why. Only to be told.
struct Noticed {
  enum class Event {
    ForcingElection,  // the master we followed fell below us
    Transition,       // about to become master
    LowerAdvert,      // a lower router speaks as master: answered
    HigherAdvert,     // a higher one speaks: we give way
    Yielding,         // we fell below the peer, and ask it to take over
    Stalled,          // we were not running for long: listening before anything is asserted
  };
  Event event;
  IpAddress rival{};          // who spoke, for LowerAdvert, HigherAdvert and ForcingElection
  std::uint8_t priority = 0;  // what it said; of Yielding: the peer's
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
/// A better backup would have the peer hand over, rather than preempt it.
struct AskForHandover {
  friend bool operator==(const AskForHandover&, const AskForHandover&) = default;
};
/// The change is complete: whoever must be told of it can be told.
struct Became {
  State state;
  friend bool operator==(const Became&, const Became&) = default;
};

using Effect =
    std::variant<Noticed, Entering, SendAdvert, AddAddresses, RemoveAddresses, Announce,
                 AskForHandover, Became>;
using Effects = std::vector<Effect>;

/// The log line of an effect in the words of keepalived 1.2.7, which seed 002 shows; nothing for
/// effects that are told elsewhere or not at all.
std::optional<std::string> log_line(const Effect& effect, std::string_view instance);

}  // namespace hapair::vrrp
