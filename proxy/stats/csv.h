// The statistics as HAProxy's CSV.
#pragma once

#include <span>
#include <string>

#include "proxy/stats/row.h"

namespace hapair::stats {

/// The line of column names ("# pxname,svname,…,-,\n"), then a line a row. After the contractual
/// columns stands "-", and whatever follows may come in any order.
void append_csv(std::string& out, std::span<const Row> rows);
void append_csv_header(std::string& out);
void append_csv_row(std::string& out, const Row& row);

}  // namespace hapair::stats
