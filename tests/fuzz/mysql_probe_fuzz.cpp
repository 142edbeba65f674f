// A MySQL server's answer, to one who logs in and to one who only listens.
#include "proxy/health/mysql_probe.h"
#include "tests/fuzz/probe_cuts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair::health;
  MysqlProbe user("hapair"), listener("");
  judge_however_cut(user, bytes, size);
  return judge_however_cut(listener, bytes, size);
}
