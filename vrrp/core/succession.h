// What a process needs to know to go on as another one's successor, as lines of text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "vrrp/core/advert_codec.h"
#include "vrrp/core/instance_fsm.h"
#include "vrrp/core/reading.h"

namespace hapair::vrrp {

/// Handed from a daemon to the program that takes its place in the same process. Times are the
/// machine's steady ones, so they mean the same to both.
struct Succession {
  struct Router {
    std::string instance;
    InstanceFsm::Memory election;
    AdvertCodec::Memory codec;
    friend bool operator==(const Router&, const Router&) = default;
  };
  /// What a tracker has found.
  struct Found {
    int kind = 0;  // a TrackerKind
    std::string name;
    Reading reading;
    friend bool operator==(const Found&, const Found&) = default;
  };
  int guardian = -1;  // descriptor of the memory that is shared with it; -1: there is none
  std::vector<Router> routers;
  std::vector<Found> found;
  friend bool operator==(const Succession&, const Succession&) = default;
};

/// Of the text. A program of another version does not take the place.
inline constexpr int kSuccessionVersion = 1;

std::string write_succession(const Succession& succession);
/// All of it or nothing: an error names the line. Names must have no line break in them.
Result<Succession> read_succession(std::string_view text);

}  // namespace hapair::vrrp
