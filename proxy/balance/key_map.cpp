#include "proxy/balance/key_map.h"

#include "proxy/balance/mix.h"

namespace hapair::balance {
namespace {

// Throws of the dice after which the next in the round is as good: with half of the servers down,
// one key in four thousand million gets that far.
constexpr unsigned kThrows = 32;

}  // namespace

KeyMap::KeyMap(const Farm& farm, unsigned workers)
    : Keyed(farm, workers),
      active_(configured_weights(farm, /*backup=*/false)),
      backup_(configured_weights(farm, /*backup=*/true)) {
  rebuild();
}

int KeyMap::look_in(const Schedule& map, const PickInput& input, bool with_room) const {
  if (map.empty()) return kNoServer;
  std::uint64_t hash = *input.key;
  for (unsigned i = 0; i < kThrows; ++i, hash = mix(hash + kGolden))
    if (const int server = map.at(hash); serves(server, input, with_room)) return server;
  hash %= map.size();
  for (std::size_t i = 0; i < map.size(); ++i)
    if (const int server = map.at(hash + i); serves(server, input, with_room)) return server;
  return kNoServer;
}

int KeyMap::owner(const PickInput& input, bool with_room) {
  for (const Schedule* map : {&active_, &backup_})
    if (const int server = look_in(*map, input, with_room); server != kNoServer) return server;
  return last_resort(farm_, input.avoid, with_room);
}

}  // namespace hapair::balance
