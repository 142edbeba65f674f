// A web server's answer, to probes that look at one thing or another of it.
#include "proxy/health/http_probe.h"
#include "tests/fuzz/probe_cuts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair;
  using namespace hapair::health;
  using Settings = HttpProbe::Settings;
  static const Settings kinds[] = {
      {},
      {.must = {.status = {{200, 200}}}, .must_not = {.headers = {{.name = "X-Busy", .any_value = true}}}},
      {.must = {.headers = {{.name = "X-Ok", .value = "yes"}}}},
      {.must = {.body = {"ready", "ok"}}},
      {.must = {.body_pattern = *Regex::compile("^ready\\b")}},
      {.must = {.body_pattern = *Regex::compile("done$")}, .must_not = {.body = {"error"}}},
      {.must_not = {.body_pattern = *Regex::compile("err[0-9]+\\B|fault$")}},
      {.must = {.body = {"ready"}}, .head_only = true},
  };
  for (const Settings& kind : kinds) {
    HttpProbe probe("GET / HTTP/1.0\r\n\r\n", kind);
    judge_however_cut(probe, bytes, size);
  }
  return 0;
}
