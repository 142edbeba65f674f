// The guardian's own life: it waits, and does one thing.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>

#include "common/loop/log_shipper.h"
#include "common/service.h"
#include "common/text.h"
#include "vrrp/core/forward_rules.h"
#include "vrrp/net/advert_socket.h"
#include "vrrp/net/libnl_netlink.h"
#include "vrrp/net/nftables.h"
#include "vrrp/net/process_table.h"
#include "vrrp/runtime/guardian.h"
#include "vrrp/runtime/realtime.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// As Guardian::spawn gives them.
constexpr int kShared = 3;
constexpr int kDaemon = 4;

enum class End { Dismissed, Died, Hung };

/// Nobody is waiting for a daemon that holds nothing: a hung backup is for its service manager to see.
bool holds_something(const SharedTestament& shared) {
  const auto testament = shared.testament();
  return testament && !testament->packets.empty();
}

/// Looks more often than a beat is due. A look that comes late says that this process did not run
/// either, so the machine was busy or stopped, and not the daemon: it gets its whole patience again.
End wait_for_end(const SharedTestament& shared) {
  TimePoint fair_from = steady_now();
  for (;;) {
    const Duration patience = shared.patience();
    const Duration tick = std::clamp(patience / 8, Duration(5ms), Duration(100ms));
    const TimePoint before = steady_now();
    pollfd daemon{.fd = kDaemon, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&daemon, 1, static_cast<int>(to_milliseconds(tick)));
    const TimePoint now = steady_now();
    if (ready > 0) return shared.is_dismissed() ? End::Dismissed : End::Died;
    if (shared.is_dismissed()) return End::Dismissed;
    if (now - before > 2 * tick) fair_from = now;
    const TimePoint since = std::max({shared.last_beat(), shared.allowed_until(), fair_from});
    if (now > since && now - since > patience && holds_something(shared)) return End::Hung;
  }
}

/// What was wrong, if anything was.
std::vector<std::string> carry_out(const Testament& testament) {
  std::vector<std::string> complaints;
  const auto note = [&](const Result<void>& result) {
    if (!result) complaints.push_back(result.error().message);
  };
  for (const Testament::Setting& setting : testament.settings) {
    std::ofstream file(setting.path);
    file << setting.value;
    if (!file.flush()) complaints.push_back("cannot restore " + setting.path);
  }
  if (auto netlink = LibnlNetlink::open()) {
    for (const auto& address : testament.addresses)
      note((*netlink)->remove_address(address.index, address.address));
    for (const RouteOrder& route : testament.routes) note((*netlink)->remove_route(route));
    for (const int link : testament.links) note((*netlink)->remove_link(link));
  } else {
    complaints.push_back(netlink.error().message);
  }
  for (const std::string& table : testament.tables) note(run_nft(ForwardRules::remove(table)));
  for (const Testament::Packet& packet : testament.packets) {
    auto sender = open_packet_sender(packet.destination.is_v6(), packet.interface, packet.index);
    note(sender.and_then([&](const FileDescriptor& fd) {
      return send_packet(fd.value(), packet.destination, packet.index, packet.bytes);
    }));
  }
  for (const int pid : testament.stopped)
    if (const auto proxy = watch_process(pid, "hapair-proxy"))
      ::syscall(SYS_pidfd_send_signal, proxy->value(), SIGCONT, nullptr, 0);
  return complaints;
}

/// As Guardian::spawn wrote them: name, facility, tag of each.
std::vector<LogTarget> read_targets(std::span<char* const> words) {
  std::vector<LogTarget> targets;
  for (; words.size() >= 3; words = words.subspan(3)) {
    auto target = LogTarget::parse(words[0]);
    if (!target) continue;
    target->facility = parse_number<int>(words[1]).value_or(target->facility);
    target->tag = words[2];
    targets.push_back(*std::move(target));
  }
  return targets;
}

}  // namespace

int guard(std::span<char* const> words) {
  // `pkill hapair-vrrp` is meant for the daemon. What it leaves undone must still be done, so nothing
  // but its end, or a signal that cannot be refused, ends this.
  ::prctl(PR_SET_NAME, "hapair-guard");
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGQUIT})
    std::signal(number, SIG_IGN);
  ::setsid();
  const auto shared = SharedTestament::open(kShared);
  if (!shared) return kExitCannotStart;
  become_realtime();
  const End end = wait_for_end(**shared);
  if (end == End::Dismissed) return kExitGood;
  if (end == End::Hung) ::syscall(SYS_pidfd_send_signal, kDaemon, SIGKILL, nullptr, 0);
  const auto testament = (*shared)->testament();
  std::vector<std::string> complaints;
  if (testament) complaints = carry_out(*testament);

  // Now there is time to tell.
  Loop loop;
  LogShipper log(loop, read_targets(words), "hapair-vrrp");
  log.log(Severity::Alert, "the daemon {}: {}",
          end == End::Hung ? "was hung and has been ended" : "has died",
          !testament || testament->packets.empty()
              ? "it held no addresses"
              : fmt::format("resigned for it, {} addresses removed", testament->addresses.size()));
  for (const std::string& complaint : complaints) log.write(Severity::Error, complaint);
  log.finish();
  return kExitGood;
}

}  // namespace hapair::vrrp
