// Instances that move together in a planned handover, and what their move needs of this host.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/log.h"
#include "common/loop/loop.h"
#include "common/pair_message.h"
#include "vrrp/core/handover_giver.h"
#include "vrrp/core/handover_taker.h"
#include "vrrp/core/testament.h"
#include "vrrp/runtime/forwarding.h"
#include "vrrp/runtime/loopback_hold.h"
#include "vrrp/runtime/port.h"

namespace hapair::vrrp {

/// A synchronization group, or an instance that is in none. Carries out what the two halves of the
/// handover ask. Lives on its loop's thread and dies before the loop and the ports.
class HandoverUnit {
 public:
  struct Host {
    Loop& loop;
    Netlink& netlink;
    Logger& log;
    /// The other node should hear of it, and the guardian.
    std::function<void()> on_change;
    /// Tells the other now, before anything else happens.
    std::function<void()> say;
  };
  /// Of the last handover that this node gave.
  struct Outcome {
    WallTime at{};
    bool kept = false;        // connections that were established stayed
    std::string text;
    std::optional<Duration> gap{};  // nobody had the addresses for this long at most, if this node gave
  };

  HandoverUnit(Host host, std::string name, std::vector<Port*> ports, handover::Settings settings);
  ~HandoverUnit();

  const std::string& name() const { return name_; }
  bool has(const VirtualRouter& router) const;
  const std::vector<Port*>& ports() const { return ports_; }
  /// MASTER if all are, else of the first that is not.
  State state() const;

  /// A master gives; `lossless`: if the other node is there, which keeps connections.
  void give(bool lossless);
  /// A backup asks for it.
  void want();
  void on_word(const PairMessage::Handover& word);
  /// What the other says of one of its instances.
  void on_report(const PeerGuard::Report& report);
  void on_silence();
  /// The election of one of them has changed.
  void on_state();
  /// Leaves nothing behind.
  void shutdown();

  std::vector<PairMessage::Handover> words() const;
  Testament testament() const;
  /// Nothing is offered, installed, or left at the other.
  bool is_quiet() const;
  HandoverGiver::Step giving() const { return giver_.step(); }
  HandoverTaker::Step taking() const { return taker_.step(); }
  std::uint64_t left() const { return giver_.left(); }
  const std::optional<Outcome>& outcome() const { return outcome_; }

 private:
  void run(const handover::Orders& orders);
  void run(const handover::HoldOnLoopback&);
  void run(const handover::ReleaseLoopback&);
  void run(const handover::Give&);
  void run(const handover::Count&);
  void run(const handover::InstallForwarding&);
  void run(const handover::RemoveForwarding&);
  void run(const handover::Take&);
  void run(const handover::Told& told);
  void on_due();
  void rearm();
  std::vector<IpAddress> addresses() const;
  std::string own_places() const;

  Host host_;
  const std::string name_;
  const std::vector<Port*> ports_;
  HandoverGiver giver_;
  HandoverTaker taker_;
  LoopbackHold loopback_;
  Forwarding forwarding_;
  Timer timer_;
  std::array<handover::Word, 2> words_;  // that were there at the last order
  std::string other_places_;  // as the other said with its offer
  std::shared_ptr<HandoverUnit*> self_ = std::make_shared<HandoverUnit*>(this);
  std::optional<Outcome> outcome_;
  std::optional<TimePoint> gave_at_;  // and the other has not said yet that it is master
};

}  // namespace hapair::vrrp
