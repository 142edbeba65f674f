// What kind of figure each column of the statistics is, for formats that say so.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "proxy/stats/row.h"

namespace hapair::stats {

/// HAProxy's way to describe a figure (its management guide, "typed output format").
struct Kind {
  char origin = 'M';  // M metric, S status, K key, C configuration, P product
  char nature = 'G';  // A age, a average, C counter, D duration, G gauge, L limit, M maximum,
                      // N name, O free text, R rate
  char scope = 'P';   // C cluster, S service, s system, P process
  std::string_view type = "u32";  // u32 u64 s32 str
};

/// The words that JSON has for the letters: "Metric", "Gauge", "Process".
std::string_view origin_word(const Kind& kind);
std::string_view nature_word(const Kind& kind);
std::string_view scope_word(const Kind& kind);

struct Column {
  std::string_view name;
  Kind kind;
};

/// All of them, in the order of HAPAIR_STATS_COLUMNS.
std::span<const Column> columns();

/// The kind of a column in a row of this type (Row::kFrontend …): a few differ.
Kind kind_of(std::size_t column, std::int64_t row_type);

}  // namespace hapair::stats
