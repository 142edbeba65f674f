// An agent's reply.
#include "proxy/health/agent_reply.h"
#include "tests/fuzz/probe_cuts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair::health;
  AgentProbe probe("");
  return judge_however_cut(probe, bytes, size);
}
