#include "vrrp/runtime/sequence_keeper.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

// What was sent in a turn that did not come to its end is not in the file. A peer believes greater
// numbers only, and minds no gap.
constexpr std::uint32_t kUnsaved = 64;

bool counts(const Instance& instance) {
  return instance.auth.type == Auth::Type::Header ||
         (instance.auth.type == Auth::Type::Hmac && !instance.auth.timed);
}

}  // namespace

void SequenceKeeper::resume(const Ports& ports) {
  if (std::ranges::none_of(ports, [](const auto& port) { return counts(port->router().config()); }))
    return;
  for (auto& [instance, memory] : read_memories(file_.read())) {
    const auto port = std::ranges::find_if(ports, [&, &name = instance](const auto& candidate) {
      return candidate->router().config().name == name && counts(candidate->router().config());
    });
    if (port == ports.end()) continue;
    memory.sequence += kUnsaved;
    (*port)->router().codec().resume(memory);
  }
}

void SequenceKeeper::save(const Ports& ports) {
  CodecMemories now;
  for (const auto& port : ports)
    if (const Instance& config = port->router().config(); counts(config))
      now.emplace(config.name, port->router().codec().memory());
  if (now == saved_) return;
  file_.write(write_memories(now));
  saved_ = std::move(now);
}

}  // namespace hapair::vrrp
