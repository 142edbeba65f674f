// Owns everything the daemon runs, and wires it to the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/key_ring.h"
#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/config/config.h"
#include "vrrp/core/remark.h"
#include "vrrp/core/succession.h"
#include "vrrp/core/transition.h"
#include "vrrp/net/announce_socket.h"
#include "vrrp/net/netlink.h"
#include "vrrp/runtime/closed_addresses.h"
#include "vrrp/runtime/drill_hall.h"
#include "vrrp/runtime/guardian.h"
#include "vrrp/runtime/pair.h"
#include "vrrp/runtime/port.h"
#include "vrrp/runtime/prepared_script.h"
#include "vrrp/runtime/speaker_watch.h"
#include "vrrp/runtime/sync_groups.h"
#include "vrrp/runtime/task.h"
#include "vrrp/runtime/trackers.h"
#include "vrrp/runtime/virtual_mac.h"

namespace hapair::vrrp {

/// One thread, the loop's. Elections begin when everything tracked has spoken once, or after one
/// advert interval: an election begun on half the priority is only repeated a moment later.
class Supervisor final : private RouterObserver {
 public:
  /// Opens every socket. An error names what is missing. The logger and the loop must outlive it.
  static Result<std::unique_ptr<Supervisor>> open(Loop& loop, const Task& task, Logger& log);
  ~Supervisor();

  void start();
  /// Instead of start(): goes on where the program before this one ended. Before anybody hears or says
  /// anything; the guardian knows all when this returns.
  void resume(const Succession& succession);
  /// What another program needs to go on here, but for the guardian.
  Succession succession() const;
  /// Why this is no moment for that; empty: it is one.
  std::string why_not_succeeded() const;
  /// The same for another configuration.
  Result<void> may_be_succeeded_with(const Task& task) const;
  /// Goes over to another configuration: instances that are equal are not touched, those that are the
  /// same virtual router go on in their state. After an error, which says why, everything is as it was.
  /// `scripts`: prepare_scripts() of it. Listeners have heard of the end of what ends when this returns,
  /// and of nothing else that it did.
  Result<void> reload(const Task& task, const PreparedScripts& scripts);
  /// Masters resign and their addresses are removed before this returns; whatever the loop still does,
  /// no election begins any more.
  void shutdown();
  /// Hands over to the other node whatever it takes, and calls back when nothing is left here; at once if
  /// the other cannot.
  void drain(std::function<void()> on_drained);
  /// Who carries out the testaments; null: nobody. Must outlive this.
  void set_guardian(Guardian* guardian);

  /// Who hears of every change of state, in a turn of its own: it may be slow, and may ask anything.
  using Listener = std::function<void(const Transition&)>;
  void on_transition(Listener listener) { listeners_.push_back(std::move(listener)); }
  /// And of what happens besides: all of it in the order in which it happened.
  using RemarkListener = std::function<void(const Remark&)>;
  void on_remark(RemarkListener listener) { remark_listeners_.push_back(std::move(listener)); }

  /// The one in force: a reload replaces it.
  const Config& config() const { return config_; }
  const std::vector<std::unique_ptr<Port>>& ports() const { return ports_; }
  /// Null: there is none.
  const Guardian* guardian() const { return guardian_; }
  const Trackers& trackers() const { return trackers_; }
  /// The other node; null: this one does not speak with any.
  Pair* pair() { return pair_.get(); }
  DrillHall& drills() { return drills_; }
  /// How the proxy stands here; empty: nobody looks at it.
  std::string proxy_standing() const;

 private:
  /// What goes with a port, in the order of life.
  struct Companions {
    std::string link_name;  // as it was last
    std::unique_ptr<VirtualMac> virtual_mac;
    std::vector<std::unique_ptr<SpeakerWatch>> speakers;
    Testament testament;
    /// A master of before a reload: what has not been seen yet does not count against it.
    bool trusted = false;
    std::string kept_from_moving;  // to a new interface: why, as it was told
  };
  struct Opened {
    Companions companions;
    std::unique_ptr<Port> port;
  };
  class Reload;  // reload.cpp, like all that makes instances in a running daemon

  Supervisor(Loop& loop, const Task& task, Logger& log, std::unique_ptr<Netlink> netlink,
             AnnounceSocket announcements);
  Result<std::unique_ptr<Pair>> open_pair(const Config& config, const KeyRing& keys,
                                          const ConfigDigest& digest);
  void on_leaving(bool leaving);
  void check_left();
  void check_drained();
  /// `virtual_ones`: see place().
  Result<Opened> open_router(const Config& config, const KeyRing& keys, const Instance& instance,
                             const std::set<IpAddress>& virtual_ones);
  Result<std::vector<std::unique_ptr<SpeakerWatch>>> open_speakers(Port& port,
                                                                   const Instance& instance,
                                                                   const Placement& placement);
  /// Those of instances with accept = false.
  std::vector<AddressOrder> closed_addresses() const;
  void on_link_change(int index);
  void look_at_link(std::size_t port);
  /// Instances whose interface is gone while another has its name begin anew on that one.
  void move_to_new_links();
  bool has_new_link(const VirtualRouter& router) const;
  void on_reading();
  VirtualRouter* find_router(const std::string& name) const;
  void carry_out_group_orders();
  void tell_listeners();
  void publish();

  // RouterObserver.
  void on_became(VirtualRouter& router, State before, TimePoint now) override;
  void on_testament(VirtualRouter& router) override;
  void on_fitness(VirtualRouter& router, TimePoint now) override;
  bool may_lead(const VirtualRouter& router, TimePoint now) override {
    return groups_.may_lead(router, now);
  }
  void on_lower_heard(VirtualRouter& router) override { remark(router, Remark::Kind::LowerHeard); }
  void on_priority(VirtualRouter& router) override;
  void on_handover_wanted(VirtualRouter& router) override;
  void remark(const VirtualRouter& router, Remark::Kind kind);

  Config config_;
  KeyRing keys_;
  ConfigDigest digest_;
  PreparedScripts scripts_;  // of config_
  Loop& loop_;
  Logger& log_;
  std::unique_ptr<Netlink> netlink_;
  AnnounceSocket announcements_;
  ClosedAddresses closed_;
  Guardian* guardian_ = nullptr;
  std::vector<Companions> companions_;  // of ports_, in their order
  std::vector<std::unique_ptr<Port>> ports_;
  Trackers trackers_;
  SyncGroups groups_;
  Timer group_timer_;           // what a group's members owe each other, in a turn of its own
  std::unique_ptr<Pair> pair_;  // null: the other node is not spoken with
  DrillHall drills_;
  bool leaving_ = false;        // the proxy is
  Timer left_timer_;            // looks whether it may
  bool held_ = false;           // the addresses were here at the last look
  std::function<void()> on_drained_;
  bool ended_ = false;  // shut down
  bool testament_changed_ = false;
  bool links_changed_ = false;
  std::vector<Listener> listeners_;
  std::vector<RemarkListener> remark_listeners_;
  std::vector<std::variant<Transition, Remark>> untold_;
};

}  // namespace hapair::vrrp
