#include "vrrp/runtime/closed_addresses.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "vrrp/core/accept_rules.h"
#include "vrrp/net/nftables.h"

namespace hapair::vrrp {
namespace {

Result<void> install(PacketFilter& filter, std::string_view name,
                     const std::vector<AddressOrder>& addresses) {
  // Another daemon of this host has other addresses.
  const AcceptRules rules{.table = fmt::format("{}_{}", name, ::getpid()), .closed = addresses};
  auto done = filter.run(rules.install());
  if (!done) return fail(done.error().code, "accept = false: {}", done.error().message);
  return done;
}

}  // namespace

/// With the threads that work.
struct ClosedAddresses::Shared {
  std::mutex working;
  std::atomic<std::uint64_t> last = 0;  // the order that counts
  std::optional<PacketFilter> filter;   // whom the table belongs to

  Result<void> close(const std::vector<AddressOrder>& addresses) {
    if (addresses.empty()) {
      filter.reset();
      return {};
    }
    if (!filter) {
      auto opened = PacketFilter::open();
      if (!opened) return tl::make_unexpected(opened.error());
      filter = *std::move(opened);
    }
    return install(*filter, "hapair_accept", addresses);
  }
};

ClosedAddresses::ClosedAddresses(Loop& loop, Logger& log)
    : loop_(loop), log_(log), shared_(std::make_shared<Shared>()) {}

Result<void> ClosedAddresses::close_now(std::vector<AddressOrder> addresses) {
  closed_ = std::move(addresses);
  ++shared_->last;
  const std::lock_guard lock(shared_->working);
  return shared_->close(closed_);
}

void ClosedAddresses::close(std::vector<AddressOrder> addresses) {
  if (closed_ == addresses) return;
  closed_ = std::move(addresses);
  const std::uint64_t order = ++shared_->last;
  const auto outcome = std::make_shared<Result<void>>();
  loop_.offload(
      [shared = shared_, order, addresses = closed_, outcome] {
        const std::lock_guard lock(shared->working);
        if (shared->last == order) *outcome = shared->close(addresses);
      },
      [this, shared = std::weak_ptr(shared_), outcome] {
        if (shared.lock() && !*outcome) log_.write(Severity::Error, outcome->error().message);
      });
}

Result<void> check_closing() {
  auto filter = PacketFilter::open();
  if (!filter) return tl::make_unexpected(filter.error());
  const auto address = [](std::string_view text) {  // documentation addresses: nobody's
    return AddressOrder{.index = 1, .address = Cidr{*IpAddress::parse(text), 32}, .label = {}};
  };
  return install(*filter, "hapair_probe",
                 {address("192.0.2.2"), address("2001:db8::2"), address("fe80::2")});
}

}  // namespace hapair::vrrp
