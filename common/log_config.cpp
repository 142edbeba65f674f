// Reads `[[global.log]]`, which both daemons obey.
#include "common/log_config.h"

#include "common/text.h"

namespace hapair {
namespace {

/// Reads a word with `parse`; a wrong one is reported with the nearest of `words`.
template <typename T, typename Parse>
void read_word(TableReader& table, std::string_view key, const std::vector<std::string>& words,
               Parse parse, T& out) {
  const auto word = table.string(key);
  if (!word) return;
  if (const auto value = parse(*word)) {
    out = *value;
  } else {
    const auto near = nearest_word(*word, words);
    table.error(key, value.error().message,
                near ? fmt::format("did you mean \"{}\"?", *near)
                     : fmt::format("one of {}", fmt::join(words, ", ")));
  }
}

}  // namespace

std::vector<LogTarget> read_log_targets(TableReader& global) {
  std::vector<LogTarget> targets;
  for (TableReader& table : global.tables("log")) {
    LogTarget target;
    if (table.has("target")) {
      if (const auto parsed = table.parsed<LogTarget>("target", LogTarget::parse)) target = *parsed;
    } else {
      table.error_at(table.where(), "a log needs a target", "target = \"udp:127.0.0.1:514\"");
    }
    read_word(table, "facility", facility_words(), parse_facility, target.facility);
    read_word(table, "level", severity_words(), parse_severity, target.level);
    if (const auto tag = table.string("tag")) {
      if (tag->empty() || tag->size() > 64 || tag->find_first_of(" \t\r\n[]:") != tag->npos)
        table.error("tag",
                    "a syslog tag is one word of at most 64 bytes without brackets or colons");
      else
        target.tag = *tag;
    }
    if (const auto length = table.integer("length", 80, 65507))
      target.length = static_cast<std::size_t>(*length);
    table.finish();
    targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace hapair
