// Any bytes as a server's answer to a probe: they may do no harm, and the verdict must not depend on
// how they were cut.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "proxy/health/conversation.h"

namespace hapair::health {

/// The server says `answer`, `size` bytes at a time, and closes.
inline ProbeResult verdict_of(Conversation& probe, std::string_view answer, std::size_t size) {
  auto turn = probe.begin();
  while (!turn.verdict && !answer.empty()) {
    const std::string_view part = answer.substr(0, size);
    answer.remove_prefix(part.size());
    // A copy of exactly that size, so that a sanitizer sees every step beyond it.
    const auto piece = std::make_unique<char[]>(part.size());
    std::copy(part.begin(), part.end(), piece.get());
    turn = probe.on_bytes({piece.get(), part.size()});
  }
  return turn.verdict ? *turn.verdict : probe.on_end(0);
}

inline int judge_however_cut(Conversation& probe, const std::uint8_t* bytes, std::size_t count) {
  const std::string_view answer(reinterpret_cast<const char*>(bytes), count);
  const ProbeResult whole = verdict_of(probe, answer, count + 1);
  if (short_code(whole.status) == "UNK" || whole.status == ProbeStatus::Initializing) std::abort();
  for (const std::size_t size : {count / 2, count / 3, std::size_t{7}, std::size_t{2}, std::size_t{1}}) {
    if (size == 0 || size >= count) continue;
    const ProbeResult cut = verdict_of(probe, answer, size);
    if (cut.status == whole.status && cut.code == whole.code && cut.info == whole.info) continue;
    std::fprintf(stderr, "whole: %s %d '%s'\ncut every %zu bytes: %s %d '%s'\n", short_code(whole.status).data(),
                 whole.code, whole.info.c_str(), size, short_code(cut.status).data(), cut.code, cut.info.c_str());
    std::abort();
  }
  return 0;
}

}  // namespace hapair::health
