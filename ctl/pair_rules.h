// What must hold between the nodes of one file, and no single daemon can see. Pure.
#pragma once

#include <vector>

#include "common/config_reader.h"
#include "vrrp/config/config.h"

namespace hapair::ctl {

/// The file as one node sees it.
struct NodeView {
  const ConfigDocument* document;  // where things stand
  const vrrp::Config* vrrp;
  bool has_proxy = false;  // the file gives this node something to serve
};

/// Do the nodes elect about the same thing: virtual router, addresses, interval, authentication;
/// and does each have an address of its own?
void check_agreement(const std::vector<NodeView>& nodes, Diagnostics& diagnostics);

/// If the proxy of one node fails, does another win the election? Reckons with the priorities that
/// the daemons would advertise.
void check_takeover(const std::vector<NodeView>& nodes, Diagnostics& diagnostics);

}  // namespace hapair::ctl
