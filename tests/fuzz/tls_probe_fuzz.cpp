// A server's part in a handshake.
#include "proxy/health/tls_probe.h"
#include "tests/fuzz/probe_cuts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair;
  health::TlsProbe probe(tls::Trust::everybody(), {.name = "one.test"}, nullptr);
  return health::judge_however_cut(probe, bytes, size);
}
