// A server's part in a conversation that was written down.
#include "proxy/health/script_probe.h"
#include "tests/fuzz/probe_cuts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hapair;
  using namespace hapair::health;
  using Kind = ScriptStep::Kind;
  const auto pattern = [](const char* text) { return *Regex::compile(text); };
  static const std::vector<ScriptStep> scripts[] = {
      {{.kind = Kind::Send, .bytes = "PING\r\n"}, {.kind = Kind::Expect, .bytes = "+PONG"}},
      {{.kind = Kind::Expect, .bytes = "220 ", .reject = "0 -"},
       {.kind = Kind::Send, .bytes = "HELO\r\n"},
       {.kind = Kind::ExpectPattern, .pattern = pattern("(?m)^250[ -].*$"), .reject = "55"}},
      {{.kind = Kind::ExpectPattern, .pattern = pattern("a+b|\\bok\\b")},
       {.kind = Kind::ExpectPattern, .pattern = pattern("b*c\\B"), .reject = "no"},
       {.kind = Kind::ExpectPattern, .pattern = pattern("end$")}},
      {{.kind = Kind::Expect, .bytes = {"\0\1", 2}, .binary = true}, {.kind = Kind::Send, .bytes = "bye"}},
  };
  for (const auto& script : scripts) {
    ScriptProbe probe(script);
    judge_however_cut(probe, bytes, size);
  }
  return 0;
}
