// What `show info` tells about the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "proxy/stats/typed.h"

namespace hapair::admin {

struct ProcessFacts {
  std::string version;
  std::string node;
  int pid = 0;
  unsigned workers = 1;
  std::int64_t started = 0;  // seconds since 1970
  Duration uptime{};
  std::uint64_t max_descriptors = 0;
  std::uint64_t maxconn = 0;           // in force; 0: none
  std::uint64_t possible_maxconn = 0;  // what the descriptors allow
  std::uint64_t connections = 0;       // clients now
  std::uint64_t total_connections = 0, total_requests = 0, total_bytes_out = 0;
  std::uint64_t connection_rate = 0, peak_connection_rate = 0;
  std::uint64_t session_rate = 0, peak_session_rate = 0;
  unsigned idle_percent = 100;          // of the workers' last second
  std::uint64_t bytes_out_rate = 0;     // a second
  unsigned listeners = 0;
  std::uint64_t dropped_logs = 0;
  bool stopping = false;
};

/// HAProxy's figures under HAProxy's names and numbers, in its order. Those of things that we do
/// not have are 0, as in an HAProxy that does not use them; those that mean nothing here are absent.
std::vector<stats::ProcessFigure> process_figures(const ProcessFacts& facts);

}  // namespace hapair::admin
