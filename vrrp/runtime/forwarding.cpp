#include "vrrp/runtime/forwarding.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "vrrp/net/connection_list.h"
#include "vrrp/net/nftables.h"

namespace hapair::vrrp {
namespace {

Result<void> carry_out(std::vector<ForwardRules> all) {
  std::string commands;
  for (ForwardRules& rules : all) {
    auto own = list_connections(rules.addresses);
    if (!own) return tl::make_unexpected(own.error());
    rules.own = *std::move(own);
    commands += rules.install();
  }
  return run_nft(commands);
}

std::string removing(const std::vector<std::string>& tables) {
  std::string commands;
  for (const std::string& table : tables) commands += ForwardRules::remove(table);
  return commands;
}

}  // namespace

/// With the threads that work.
struct Forwarding::Shared {
  std::mutex working;
  std::atomic<std::uint64_t> last = 0;  // the order that counts
};

Forwarding::Forwarding(Loop& loop, std::vector<std::string> tables)
    : loop_(loop), tables_(std::move(tables)), shared_(std::make_shared<Shared>()) {}

void Forwarding::install(std::vector<ForwardRules> rules,
                         std::function<void(const Result<void>&)> done) {
  wanted_ = true;
  const std::uint64_t order = ++shared_->last;
  const auto outcome = std::make_shared<std::optional<Result<void>>>();
  loop_.offload(
      [shared = shared_, order, rules = std::move(rules), outcome] {
        const std::lock_guard lock(shared->working);
        if (shared->last == order) *outcome = carry_out(rules);
      },
      [shared = std::weak_ptr(shared_), order, outcome, done = std::move(done)] {
        const auto still = shared.lock();
        if (*outcome && still && still->last == order) done(**outcome);
      });
}

void Forwarding::remove() {
  if (!std::exchange(wanted_, false)) return;
  const std::uint64_t order = ++shared_->last;
  loop_.offload([shared = shared_, order, commands = removing(tables_)] {
    const std::lock_guard lock(shared->working);
    // The next one takes the place of what is there.
    if (shared->last == order) (void)run_nft(commands);
  });
}

void Forwarding::remove_now() {
  const bool untouched = shared_->last++ == 0;
  const std::lock_guard lock(shared_->working);
  wanted_ = false;
  if (!untouched) (void)run_nft(removing(tables_));
}

std::string why_no_forwarding() {
  // Documentation addresses: nobody's.
  const ForwardRules probe{.table = "hapair_probe",
                           .interfaces = {"lo"},
                           .exit = "lo",
                           .other = {.mac = {},
                                     .v4 = IpAddress::v4(0xC0000201),
                                     .v6 = *IpAddress::parse("2001:db8::1")},
                           .addresses = {IpAddress::v4(0xC0000202), *IpAddress::parse("2001:db8::2")},
                           .own = {}};
  const auto possible = run_nft(probe.install() + ForwardRules::remove(probe.table));
  return possible ? std::string() : possible.error().message;
}

}  // namespace hapair::vrrp
