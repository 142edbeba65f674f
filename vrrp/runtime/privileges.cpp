#include "vrrp/runtime/privileges.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string>

namespace hapair::vrrp {
namespace {

/// The first 32 of those in force, which hold all that is asked for here. No library: it is one
/// system call.
Result<std::uint32_t> capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0)
    return fail_errno(errno, "cannot read the process's capabilities");
  return sets[0].effective;
}

}  // namespace

bool may_become_others() {
  constexpr std::uint32_t kNeeded = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL;
  return (capabilities().value_or(0) & kNeeded) == kNeeded;
}

Result<void> check_privileges() {
  const auto held = capabilities();
  if (!held) return tl::make_unexpected(held.error());
  const auto has = [&](unsigned capability) { return (*held >> capability) & 1U; };
  std::string missing;
  if (!has(CAP_NET_ADMIN)) missing = "CAP_NET_ADMIN";
  if (!has(CAP_NET_RAW)) missing += missing.empty() ? "CAP_NET_RAW" : " and CAP_NET_RAW";
  if (missing.empty()) return {};
  return fail(Errc::Denied,
              "missing {}: run as root, or with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW",
              missing);
}

}  // namespace hapair::vrrp
