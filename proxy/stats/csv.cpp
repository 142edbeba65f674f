#include "proxy/stats/csv.h"

#include <charconv>

namespace hapair::stats {
namespace {

void append_value(std::string& out, const Number& value) {
  if (!value) return;
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, *value);
  out.append(digits, end.ptr);
}

// RFC 4180: quoted where it must be, quotes doubled.
void append_value(std::string& out, const Text& value) {
  if (value.find_first_of(",\"\r\n") == value.npos) {
    out += value;
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

void append_csv_header(std::string& out) {
  out += "# ";
#define HAPAIR_STATS_NAME(type_, name_) out += #name_ ",";
  HAPAIR_STATS_COLUMNS(HAPAIR_STATS_NAME)
#undef HAPAIR_STATS_NAME
  out += "-,\n";
}

void append_csv_row(std::string& out, const Row& row) {
#define HAPAIR_STATS_VALUE(type_, name_) \
  append_value(out, row.name_);          \
  out += ',';
  HAPAIR_STATS_COLUMNS(HAPAIR_STATS_VALUE)
#undef HAPAIR_STATS_VALUE
  out += "-,\n";
}

void append_csv(std::string& out, std::span<const Row> rows) {
  append_csv_header(out);
  for (const Row& row : rows) append_csv_row(out, row);
}

}  // namespace hapair::stats
