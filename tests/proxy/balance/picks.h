// Writes choices as letters: server 0 is 'a', no server is '-'.
#pragma once

#include <string>

#include "proxy/balance/balancer.h"

namespace hapair::balance {

inline char letter_of(int server) {
  return server == kNoServer ? '-' : static_cast<char>('a' + server);
}

/// Choices one after another, none of which takes a slot.
inline std::string picks(Balancer& balancer, int count, PickInput input = {}) {
  std::string letters;
  for (int i = 0; i < count; ++i) letters += letter_of(balancer.pick(input));
  return letters;
}

}  // namespace hapair::balance
