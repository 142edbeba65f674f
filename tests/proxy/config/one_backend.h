// Reads a file with one backend, for tests of what it says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "proxy/config/loader.h"

namespace hapair::proxy {

/// "LINE:COLUMN message -> hint", a line each.
inline std::string complaints(const std::string& text) {
  Diagnostics found;
  load_config(parse_document(text, "t.toml", "hap1", found), found);
  std::string out;
  for (const Diagnostic& diagnostic : found.sorted())
    out += fmt::format("{}:{} {} -> {}\n", diagnostic.where.line, diagnostic.where.column,
                       diagnostic.message, diagnostic.hint);
  return out;
}

/// The test has failed where anything is said of the file.
inline Backend load(const std::string& text) {
  Diagnostics found;
  const auto config = load_config(parse_document(text, "t.toml", "hap1", found), found);
  EXPECT_TRUE(config) << found.to_string();
  EXPECT_EQ(found.to_string(), "") << text;
  return config ? config->backends.at(0) : Backend{};
}

}  // namespace hapair::proxy
