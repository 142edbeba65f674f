// One virtual router at work: asks the election and carries out what it answers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/log.h"
#include "vrrp/config/config.h"
#include "vrrp/core/advert.h"
#include "vrrp/core/announce.h"
#include "vrrp/core/instance_fsm.h"
#include "vrrp/core/priority.h"
#include "vrrp/net/link_port.h"
#include "vrrp/net/netlink.h"

namespace hapair::vrrp {

/// Knows no loop and no clock: the owner brings packets and the time and calls on_due() when
/// deadline() has come. So the simulated network of the tests runs this very class.
class VirtualRouter {
 public:
  struct Ports {
    Netlink& netlink;
    LinkPort& link;
    Logger& log;
  };
  struct Counters {
    std::uint64_t received = 0;  // adverts believed
    std::uint64_t sent = 0;
    std::array<std::uint64_t, kRefusals> refused{};
  };

  /// `source` is the address adverts come from; `link` where they go. `source_key` tells where the
  /// configuration names the source (" ([node.hap1] address)"), if it does.
  VirtualRouter(const Instance& config, const IpAddress& source, const Link& link, Ports ports,
                std::string source_key = {});

  void start(TimePoint now);
  /// A packet as the raw socket delivers it, IPv4 header included.
  void on_packet(ByteView packet, TimePoint now);
  void on_due(TimePoint now);
  /// How the tracked scripts stand, in the order of the configuration.
  void on_tracked(std::span<const Tracked> tracked, TimePoint now);
  /// The link or its addresses changed; `up`: it is there and works. The rest is asked.
  void on_link(bool up, TimePoint now);
  /// Resigns if master. The addresses are gone when this returns.
  void shutdown(TimePoint now);

  const Instance& config() const { return config_; }
  State state() const { return fsm_.state(); }
  std::uint8_t priority() const { return fsm_.priority(); }
  bool started() const { return started_; }
  const Counters& counters() const { return counters_; }
  TimePoint deadline() const;

 private:
  struct LineLimit {
    TimePoint told = TimePoint::min();
    std::uint64_t count = 0;  // since then
    /// Counts one more. How many a line has to tell of, if it may be written now.
    std::optional<std::uint64_t> take(TimePoint now);
  };

  void run(const Effects& effects, TimePoint now);
  void run(const Noticed&, TimePoint) {}
  void run(const Entering&, TimePoint) {}
  void run(const SendAdvert& effect, TimePoint now);
  void run(const AddAddresses& effect, TimePoint now);
  void run(const RemoveAddresses& effect, TimePoint now);
  void run(const Announce& effect, TimePoint now);
  void run(const Became&, TimePoint) {}

  void send_announcements(TimePoint now, bool tell);
  void refused(Refusal why, ByteView packet, TimePoint now);
  void compare_addresses(const Advert& advert, const IpAddress& from, TimePoint now);
  void compare_intervals(const Advert& advert, const IpAddress& from, TimePoint now);
  /// Of a master: puts back what somebody removed, or resigns when that does not last.
  void restore_addresses(TimePoint now);
  /// Whether all of them are there now.
  bool add(const std::vector<Cidr>& addresses);
  /// FAULT until a later try.
  void give_up(std::string_view why, TimePoint now);
  bool has_source();
  /// Whether the interface has another hardware address than before.
  bool refresh_mac();
  bool fit() const { return link_usable_ && scripts_fit_ && addresses_fit_; }

  const Instance config_;
  const IpAddress source_;
  const std::string source_key_;
  Link link_;
  Ports ports_;
  Terms terms_;
  InstanceFsm fsm_;
  AnnounceSchedule announcements_;
  Counters counters_;
  std::array<LineLimit, kRefusals> refusal_lines_{};
  LineLimit differing_lines_;
  LineLimit differing_intervals_;
  ChecksumForm checksum_;  // of what we send
  std::uint16_t packet_id_ = 0;
  bool started_ = false;
  bool link_usable_ = true;
  bool scripts_fit_ = true;
  bool addresses_fit_ = true;        // what was to be added is there
  TimePoint retry_at_ = kNever;      // when that is assumed again
  std::vector<TimePoint> restored_;  // the last times; few
  bool source_missing_ = false;      // told once, until it is back
  bool sending_fails_ = false;       // told once, until it works again
};

}  // namespace hapair::vrrp
