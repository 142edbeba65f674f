// The statistics page: the farm at a glance, as one HTML document without script.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "proxy/stats/row.h"

namespace hapair::admin {

/// About the process, for the head of the page.
struct Facts {
  int pid = 0;
  std::string node;
  std::string version;
  Duration uptime{};
  unsigned workers = 1;
  std::uint64_t max_connections = 0;
  std::uint64_t max_descriptors = 0;
  std::uint64_t current_connections = 0;
  std::uint64_t connection_rate = 0;  // per second
  std::uint64_t requests = 0;         // since the start
  std::string uri;                    // of this page, for its links
};

enum class PageKind { Html, Csv, Json };

/// What is asked for by what follows the configured prefix in the target: "" and ";…" that we do
/// not know are the page, ";csv" the CSV. Nothing if the prefix only happens to begin another
/// resource's name. Query parameters after it do not matter.
std::optional<PageKind> page_for(std::string_view target_after_prefix);

/// Rows of one proxy stand together: its frontend, its servers, its backend.
void append_page(std::string& out, const Facts& facts, std::span<const stats::Row> rows);

}  // namespace hapair::admin
