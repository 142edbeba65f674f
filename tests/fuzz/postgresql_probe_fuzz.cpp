// A PostgreSQL server's answer.
#include "proxy/health/postgresql_probe.h"
#include "tests/fuzz/probe_cuts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair::health;
  PostgresqlProbe probe("hapair");
  return judge_however_cut(probe, bytes, size);
}
