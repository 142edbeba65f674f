// Where the proxy's heartbeat is heard: [global] health_socket and health_interval, which both daemons
// read.
#pragma once

#include <string>

#include "common/clock.h"
#include "common/config_reader.h"

namespace hapair {

struct HealthSocket {
  std::string path = "/run/hapair/health.sock";
  Duration interval = std::chrono::milliseconds(100);  // between beats
  bool is_wanted = false;  // somebody listens, or it is asked for
  friend bool operator==(const HealthSocket&, const HealthSocket&) = default;
};

/// `root` is the whole document: an instance with track_proxy wants the heartbeat.
HealthSocket read_health_socket(TableReader& global, const ConfigNode& root);

}  // namespace hapair
