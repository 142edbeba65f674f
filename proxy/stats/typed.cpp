#include "proxy/stats/typed.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <utility>

namespace hapair::stats {
namespace {

std::optional<std::string> text_of(const Number& value) {
  if (!value) return std::nullopt;
  return std::to_string(*value);
}

std::optional<std::string> text_of(const Text& value) {
  if (value.empty()) return std::nullopt;
  return value;
}

/// Calls `use(position, text)` for every column that has a value.
template <typename Use>
void for_each_value(const Row& row, Use use) {
  std::size_t position = 0;
#define HAPAIR_STATS_VISIT(type_, name_)                            \
  if (const auto text = text_of(row.name_)) use(position, *text); \
  ++position;
  HAPAIR_STATS_COLUMNS(HAPAIR_STATS_VISIT)
#undef HAPAIR_STATS_VISIT
}

struct RowName {
  char letter;
  std::string_view word;
};
RowName row_name(const Row& row) {
  switch (row.type.value_or(Row::kFrontend)) {
    case Row::kBackend: return {'B', "Backend"};
    case Row::kServer: return {'S', "Server"};
    case Row::kListener: return {'L', "Listener"};
    default: return {'F', "Frontend"};
  }
}

// RFC 8259 section 7.
void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json_figure(std::string& out, std::size_t position, std::string_view name,
                        const Kind& kind, std::string_view value) {
  fmt::format_to(std::back_inserter(out),
                 "\"field\":{{\"pos\":{},\"name\":\"{}\"}},\"processNum\":1,\"tags\":{{\"origin\":"
                 "\"{}\",\"nature\":\"{}\",\"scope\":\"{}\"}},\"value\":{{\"type\":\"{}\",\"value\":",
                 position, name, origin_word(kind), nature_word(kind), scope_word(kind), kind.type);
  if (kind.type == "str")
    append_json_string(out, value);
  else
    out += value;
  out += "}}";
}

}  // namespace

void append_typed(std::string& out, std::span<const Row> rows) {
  for (const Row& row : rows) {
    for_each_value(row, [&](std::size_t position, const std::string& value) {
      const Kind kind = kind_of(position, row.type.value_or(Row::kFrontend));
      fmt::format_to(std::back_inserter(out), "{}.{}.{}.{}.{}.1:{}{}{}:{}:{}\n",
                     row_name(row).letter, row.iid.value_or(0), row.sid.value_or(0), position,
                     columns()[position].name, kind.origin, kind.nature, kind.scope, kind.type,
                     value);
    });
  }
}

void append_json(std::string& out, std::span<const Row> rows) {
  out += '[';
  for (const Row& row : rows) {
    if (&row != rows.data()) out += ',';
    out += '[';
    bool first = true;
    for_each_value(row, [&](std::size_t position, const std::string& value) {
      if (!std::exchange(first, false)) out += ',';
      fmt::format_to(std::back_inserter(out), "{{\"objType\":\"{}\",\"proxyId\":{},\"id\":{},",
                     row_name(row).word, row.iid.value_or(0), row.sid.value_or(0));
      append_json_figure(out, position, columns()[position].name,
                         kind_of(position, row.type.value_or(Row::kFrontend)), value);
    });
    out += ']';
  }
  out += "]\n";
}

void append_figures(std::string& out, std::span<const ProcessFigure> figures, FigureFormat format,
                    bool described) {
  if (format == FigureFormat::Json) out += '[';
  for (const ProcessFigure& figure : figures) {
    const Kind& kind = figure.kind;
    if (format == FigureFormat::Json) {
      out += &figure == figures.data() ? "{" : ",{";
      append_json_figure(out, figure.position, figure.name, kind, figure.value);
      continue;
    }
    if (format == FigureFormat::Plain)
      fmt::format_to(std::back_inserter(out), "{}: {}", figure.name, figure.value);
    else
      fmt::format_to(std::back_inserter(out), "{}.{}.1:{}{}{}:{}:{}", figure.position, figure.name,
                     kind.origin, kind.nature, kind.scope, kind.type, figure.value);
    if (described) fmt::format_to(std::back_inserter(out), ":\"{}\"", figure.description);
    out += '\n';
  }
  if (format == FigureFormat::Json) out += "]\n";
}

}  // namespace hapair::stats
