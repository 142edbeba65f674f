// The virtual addresses of this host that nobody may speak to, in the kernel.
#pragma once

#include <memory>
#include <vector>

#include "common/error.h"
#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/core/kernel_orders.h"

namespace hapair::vrrp {

/// Closed from before an address is here until the process ends, however it ends: the kernel opens them
/// then. Lives on its loop's thread and dies before the loop and the logger.
class ClosedAddresses {
 public:
  ClosedAddresses(Loop& loop, Logger& log);

  /// These, and no others. Waits for the kernel. An error: it cannot.
  Result<void> close_now(std::vector<AddressOrder> addresses);
  /// The same on another thread; the last word counts. An error is logged.
  void close(std::vector<AddressOrder> addresses);

 private:
  struct Shared;

  Loop& loop_;
  Logger& log_;
  const std::shared_ptr<Shared> shared_;
  std::vector<AddressOrder> closed_;
};

/// An error: the kernel here cannot close addresses. May take a while. Needs CAP_NET_ADMIN.
Result<void> check_closing();

}  // namespace hapair::vrrp
