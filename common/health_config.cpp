#include "common/health_config.h"

#include <sys/un.h>

namespace hapair {
namespace {

bool is_tracked(const ConfigNode& root) {
  const ConfigNode::Entry* vrrp = root.find("vrrp");
  const ConfigNode::Entry* instances = vrrp ? vrrp->value.find("instance") : nullptr;
  if (!instances) return false;
  for (const ConfigNode::Entry& instance : instances->value.table) {
    const ConfigNode::Entry* track = instance.value.find("track_proxy");
    if (track && !(track->value.kind == ConfigNode::Kind::Boolean && !track->value.boolean))
      return true;
  }
  return false;
}

}  // namespace

HealthSocket read_health_socket(TableReader& global, const ConfigNode& root) {
  using namespace std::chrono_literals;
  HealthSocket out{.is_wanted = is_tracked(root)};
  if (const auto path = global.string("health_socket")) {
    out.is_wanted = true;
    if (!path->starts_with('/') || path->ends_with('/') ||
        path->size() >= sizeof(sockaddr_un::sun_path))
      global.error("health_socket", fmt::format("\"{}\" cannot be the path of a socket", *path),
                   "health_socket = \"/run/hapair/health.sock\"");
    else
      out.path = *path;
  }
  // Below, a busy machine would look hung; above, a hung proxy would look well for too long.
  if (const auto interval = global.duration("health_interval", 10ms, 10s)) out.interval = *interval;
  return out;
}

}  // namespace hapair
