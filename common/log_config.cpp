// Reads log targets.
#include "common/log_config.h"

#include <algorithm>

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

std::optional<LogTarget> read_log_target(TableReader& table) {
  using Format = LogTarget::Format;
  using Framing = LogTarget::Framing;
  std::optional<LogTarget> where;
  if (table.has("target"))
    where = table.parsed<LogTarget>("target", LogTarget::parse);
  else
    table.error_at(table.where(), "a log needs a target", "target = \"udp:127.0.0.1:514\"");
  LogTarget target = where.value_or(LogTarget{});
  read_word(table, "facility", facility_words(), parse_facility, target.facility);
  read_word(table, "level", severity_words(), parse_severity, target.level);
  read_word(table, "min_level", severity_words(), parse_severity, target.min_level);
  if (where && target.min_level > target.level)
    table.error("min_level",
                fmt::format("min_level \"{}\" is less severe than level \"{}\"",
                            severity_words()[static_cast<std::size_t>(target.min_level)],
                            severity_words()[static_cast<std::size_t>(target.level)]),
                "graver lines are sent as min_level; lines below level are not sent");
  static constexpr std::pair<std::string_view, Format> kFormats[] = {{"local", Format::Local},
                                                                     {"rfc3164", Format::Rfc3164},
                                                                     {"rfc5424", Format::Rfc5424},
                                                                     {"raw", Format::Raw}};
  if (const auto format = table.word<Format>("format", kFormats)) {
    target.format = *format;
    if (where && target.transport == LogTarget::Transport::Journal)
      table.error("format", "journald takes fields, not a line with a header", "leave format out");
  }
  static constexpr std::pair<std::string_view, Framing> kFramings[] = {{"octets", Framing::Octets},
                                                                       {"lines", Framing::Lines}};
  if (const auto framing = table.word<Framing>("framing", kFramings)) {
    target.framing = *framing;
    if (where && !target.is_stream())
      table.error("framing", fmt::format("{} is no stream: it needs no framing", target.name()),
                  "for \"tcp:…\" and \"unix-stream:…\"");
  }
  if (const auto tag = table.string("tag")) {
    if (tag->empty() || tag->size() > 48 ||
        !std::all_of(tag->begin(), tag->end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '[' && c != ']' && c != ':'; }))
      table.error("tag",
                  "a syslog tag is one ASCII word of at most 48 bytes without brackets or colons");
    else
      target.tag = *tag;
  }
  if (const auto length = table.integer("length", 80, 65507))
    target.length = static_cast<std::size_t>(*length);
  if (const auto sample = table.parsed<LogTarget::Sample>("sample", parse_sample))
    target.sample = *sample;
  table.finish();
  if (!where) return std::nullopt;
  return target;
}

std::vector<LogTarget> read_log_targets(TableReader& global) {
  std::vector<LogTarget> targets;
  for (TableReader& table : global.tables("log"))
    if (auto target = read_log_target(table)) targets.push_back(*std::move(target));
  if (targets.size() > kMostLogTargets)
    global.error("log", fmt::format("more than {} log targets", kMostLogTargets));
  return targets;
}

}  // namespace hapair
