// One virtual router at work: asks the election and carries out what it answers.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/key_ring.h"
#include "common/log.h"
#include "vrrp/config/config.h"
#include "vrrp/core/advert_codec.h"
#include "vrrp/core/announce.h"
#include "vrrp/core/instance_fsm.h"
#include "vrrp/core/line_limit.h"
#include "vrrp/core/peer_guard.h"
#include "vrrp/core/priority.h"
#include "vrrp/core/testament.h"
#include "vrrp/net/link_port.h"
#include "vrrp/net/netlink.h"
#include "vrrp/runtime/address_keeper.h"
#include "vrrp/runtime/placement.h"

namespace hapair::vrrp {

class VirtualRouter;

/// Who hears of what a virtual router becomes, and may hold it back. Called from within its calls.
class RouterObserver {
 public:
  /// The change is complete; the router knows its state and cause.
  virtual void on_became(VirtualRouter& router, State before, TimePoint now) = 0;
  /// Whether it could serve by itself has changed, whatever its state.
  virtual void on_fitness(VirtualRouter& router, TimePoint now) = 0;
  /// Something the router sent or became has changed what is to be done if the daemon dies.
  virtual void on_testament(VirtualRouter& router) = 0;
  /// Its timer is over: may it become master, as far as its synchronization group goes?
  virtual bool may_lead(const VirtualRouter& router, TimePoint now) = 0;
  /// A master answered a lower one.
  virtual void on_lower_heard(VirtualRouter& router) = 0;
  virtual void on_priority(VirtualRouter& router) = 0;
  /// It would have the peer hand over.
  virtual void on_handover_wanted(VirtualRouter& router) = 0;

 protected:
  ~RouterObserver() = default;
};

/// Knows no loop and no clock but the wall's: the owner brings packets and the time and calls on_due()
/// when deadline() has come. So the simulated network of the tests runs this very class.
class VirtualRouter {
 public:
  struct Ports {
    Netlink& netlink;
    LinkPort& link;
    Logger& log;
    RouterObserver* observer = nullptr;                // null: nobody wants to know
    std::function<WallTime()> wall = wall_now;  // what signatures are dated by
  };
  struct Counters {
    std::uint64_t received = 0;  // adverts believed
    std::uint64_t sent = 0;
    std::uint64_t resignations_received = 0;
    std::uint64_t resignations_sent = 0;
    std::uint64_t became_master = 0;
    std::uint64_t released_master = 0;
    std::uint64_t announcements = 0;   // frames
    std::uint64_t restored = 0;        // addresses put back
    std::uint64_t duplicates = 0;      // somebody else answered for an address of ours
    std::uint64_t other_addresses = 0;  // adverts believed whose addresses are not ours
    std::uint64_t absences = 0;         // the process did not run for longer than others wait
    std::array<std::uint64_t, kRefusals> refused{};
  };
  /// The advert that was believed last.
  struct Heard {
    IpAddress from;
    std::uint8_t priority = 0;
    Duration interval{};
    TimePoint at{};
  };

  VirtualRouter(const Instance& config, Placement placement, const KeyRing& keys, Ports ports);

  void start(TimePoint now);
  /// Instead of start(): goes on where another process ended.
  void resume(const InstanceFsm::Memory& memory, TimePoint now);
  /// A master gives back the addresses and routes that it will not have after a change().
  void give_back(const Instance& config, const Placement& placement);
  /// The same virtual router, configured in another way: the election goes on where it is, and counters
  /// go on. A master has what is added when this returns. What is tracked, and the link, are to be told
  /// anew afterwards.
  void change(const Instance& config, Placement placement, const KeyRing& keys, TimePoint now);
  /// A packet as an IPv4 raw socket delivers it, header included.
  void on_packet(ByteView packet, TimePoint now) { on_datagram(read_ipv4(packet), now); }
  void on_datagram(const tl::expected<Datagram, Refusal>& datagram, TimePoint now);
  void on_due(TimePoint now);
  /// How what it tracks stands, in the order of the configuration; `why` tells what failed, if
  /// something of weight 0 did.
  void on_tracked(std::span<const Tracked> tracked, TimePoint now, std::string_view why = {});
  /// A link or its addresses changed; `up`: the link is there and works. The rest is asked.
  void on_link(bool up, TimePoint now);
  /// The process did not run for `absence`. To be called before anything else then.
  void on_absence(Duration absence, TimePoint now);
  /// Somebody on the link says that an address is his.
  void on_speaker(const MacAddress& mac, const IpAddress& address, TimePoint now);
  /// Of its synchronization group.
  void on_group_leads(TimePoint now) { run(fsm_.on_group_leads(now), now); }
  void on_group_follows(TimePoint now) { run(fsm_.on_group_follows(now), now); }
  void on_group_usable(bool usable, TimePoint now);
  /// A drill has it fail, or no longer.
  void on_rehearsed(bool fails, TimePoint now);
  /// What the peer says of itself over the pair channel; nothing: the channel is silent.
  void on_peer(const std::optional<PeerGuard::Report>& report, TimePoint now);
  /// The peer is master and can hand over without a loss.
  void set_courteous(bool courteous) { fsm_.set_courteous(courteous); }
  /// A planned handover, either end.
  void hand_over(TimePoint now) { run(fsm_.yield(Cause::Kind::Handover, now), now); }
  void take_over(TimePoint now) { run(fsm_.on_handover(now), now); }
  /// Resigns if master. The addresses are gone when this returns.
  void shutdown(TimePoint now);

  const Instance& config() const { return config_; }
  const Placement& placement() const { return placement_; }
  State state() const { return fsm_.state(); }
  const InstanceFsm& election() const { return fsm_; }
  std::uint8_t priority() const { return fsm_.priority(); }
  /// Why it cannot serve; empty while it can.
  const std::string& trouble() const { return trouble_; }
  /// Why it is in this state, in words.
  std::string why() const;
  /// Could serve, as far as it alone is concerned.
  bool is_fit() const { return link_usable_ && tracked_fit_ && addresses_fit_ && !rehearses_; }
  bool started() const { return started_; }
  const Counters& counters() const { return counters_; }
  void clear_counters() { counters_ = {}; }
  const std::optional<Heard>& heard() const { return heard_; }
  const PeerGuard& peer() const { return peer_; }
  TimePoint deadline() const;
  const AddressKeeper& keeper() const { return keeper_; }
  /// What is to be done now if the daemon dies. Takes a sequence number of its own.
  Testament testament();
  AdvertCodec& codec() { return codec_; }
  const AdvertCodec& codec() const { return codec_; }

 private:
  void log_change(std::string_view line);
  void run(const Effects& effects, TimePoint now);
  void run(const Noticed& effect, TimePoint now);
  void run(const Entering&, TimePoint) {}
  void run(const SendAdvert& effect, TimePoint now);
  void run(const AddAddresses& effect, TimePoint now);
  void run(const RemoveAddresses& effect, TimePoint now);
  void run(const Announce& effect, TimePoint now);
  void run(const AskForHandover&, TimePoint) {
    if (ports_.observer) ports_.observer->on_handover_wanted(*this);
  }
  void run(const Became& effect, TimePoint now);

  void judge_link(TimePoint now);
  void update_fitness(TimePoint now);
  void send_announcements(TimePoint now, bool tell);
  void announce_again(TimePoint now);
  void send_probes(TimePoint now);
  void refused(Refusal why, const Datagram* datagram, TimePoint now);
  void compare_addresses(const Advert& advert, const Datagram& datagram, TimePoint now);
  void compare_intervals(const Advert& advert, const IpAddress& from, TimePoint now);
  /// Of a master: puts back what somebody removed, or resigns when that does not last.
  void restore_addresses(TimePoint now);
  /// Logs them. Whether there were none.
  bool tell(const std::vector<Error>& errors);
  /// FAULT until a later try.
  void give_up(std::string_view why, TimePoint now);
  bool has_sources();
  /// Whether the interface has another hardware address than before.
  bool refresh_mac();
  std::vector<IpAddress> advertised(bool v6) const;
  Bytes encode(std::uint8_t priority, const Channel& channel, const IpAddress& destination);

  Instance config_;
  Placement placement_;
  Ports ports_;
  AdvertCodec codec_;
  InstanceFsm fsm_;
  AddressKeeper keeper_;
  AnnounceSchedule announcements_;
  PeerGuard peer_;
  Counters counters_;
  std::optional<Heard> heard_;
  std::array<LineLimit, kRefusals> refusal_lines_{};
  LineLimit differing_lines_;
  LineLimit differing_intervals_;
  LineLimit duplicate_lines_;
  State before_ = State::Initialize;  // the last state that was told
  std::string trouble_;
  std::string link_trouble_, tracked_trouble_, address_trouble_;
  bool started_ = false;
  bool link_usable_ = true;
  bool tracked_fit_ = true;
  bool addresses_fit_ = true;        // what was to be added is there
  bool group_fit_ = true;
  bool rehearses_ = false;           // a failure
  bool told_fit_ = true;             // what was told of is_fit() last
  TimePoint retry_at_ = kNever;      // when that is assumed again
  TimePoint probe_at_ = kNever;
  TimePoint alarm_from_ = kNever;    // who answers before this may only be late
  std::vector<TimePoint> restored_;  // the last times; few
  bool source_missing_ = false;      // told once, until it is back
  bool sending_fails_ = false;       // told once, until it works again
};

}  // namespace hapair::vrrp
