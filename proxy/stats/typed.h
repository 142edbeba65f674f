// Figures with their kind beside them: HAProxy's "typed" lines and its JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/stats/column.h"
#include "proxy/stats/row.h"

namespace hapair::stats {

/// "S.3.1.17.status.1:SGP:str:UP\n" for every column that has a value: kind of row, proxy, server,
/// column and its name, process, kind of figure, type, value.
void append_typed(std::string& out, std::span<const Row> rows);

/// An array of rows, each an array of figures, on one line with its newline.
void append_json(std::string& out, std::span<const Row> rows);

/// One figure about the process.
struct ProcessFigure {
  unsigned position = 0;  // HAProxy's number of it
  std::string_view name;
  Kind kind;
  std::string value;
  std::string_view description;
};

enum class FigureFormat {
  Plain,  // "Uptime_sec: 50"
  Typed,  // "8.Uptime_sec.1:MDP:u32:50"
  Json,
};
/// `described`: each plain or typed line ends with ':"what it is"'.
void append_figures(std::string& out, std::span<const ProcessFigure> figures, FigureFormat format,
                    bool described);

}  // namespace hapair::stats
