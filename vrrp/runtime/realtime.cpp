#include "vrrp/runtime/realtime.h"

#include <sched.h>
#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace hapair::vrrp {
namespace {

// Above what is not real-time, below the kernel's own threads that move our packets.
constexpr int kPriority = 20;

}  // namespace

std::vector<std::string> become_realtime() {
  std::vector<std::string> refused;
  const auto note = [&](std::string_view what, std::string_view remedy) {
    refused.push_back(fmt::format("{}: {} ({})", what,
                                  std::generic_category().message(errno), remedy));
  };
  sched_param parameters{};
  parameters.sched_priority = kPriority;
  if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) != 0)
    note("no real-time priority", "LimitRTPRIO=50 in the unit, or CAP_SYS_NICE");
  // Pages are locked as they are used: the whole address space would be far more.
  if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
    note("memory is not locked", "LimitMEMLOCK=infinity in the unit, or CAP_IPC_LOCK");
  return refused;
}

}  // namespace hapair::vrrp
