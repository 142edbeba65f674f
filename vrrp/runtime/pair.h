// The other node: what it says over the pair channel, and what the two arrange.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config_digest.h"
#include "common/key_ring.h"
#include "common/log.h"
#include "common/loop/loop.h"
#include "common/pair_message.h"
#include "vrrp/config/config.h"
#include "vrrp/runtime/handover_unit.h"
#include "vrrp/runtime/pair_channel.h"
#include "vrrp/runtime/port.h"

namespace hapair::vrrp {

/// Brings the election what the other node says of itself, and plans handovers with it. Lives on its
/// loop's thread and dies before the loop and the ports.
class Pair final : private PairSpeaker {
 public:
  struct Host {
    Loop& loop;
    Netlink& netlink;
    Logger& log;
    /// What is to be done if the daemon dies has changed.
    std::function<void()> on_testament;
    /// How the proxy stands here; empty: nobody looks at it.
    std::function<std::string()> proxy;
    /// What is said of drills, and who hears what the other says of them.
    std::function<std::vector<PairMessage::Drill>()> drills;
    std::function<void(const std::vector<PairMessage::Drill>&)> on_drills;
  };
  /// `ports` may come and go: see set_ports().
  static Result<std::unique_ptr<Pair>> open(Host host, const Config& config, const KeyRing& keys,
                                            ConfigDigest digest);
  ~Pair();

  /// The same other node, with other keys, another configuration to compare, or other intervals.
  void change(const Config& config, const KeyRing& keys, ConfigDigest digest);
  /// The instances there are from now on. Handovers that are under way go on where the instances that
  /// move together are the same ones, and end elsewhere.
  void set_ports(const std::vector<std::unique_ptr<Port>>& ports,
                 const std::vector<SyncGroup>& groups);
  /// A router's state changed.
  void on_became(const VirtualRouter& router);
  /// Something else changed that the other should know.
  void on_changed() { channel_->say_soon(); }
  /// Tells the other now, before anything else happens.
  void say() { channel_->say(); }
  void mute(bool muted) { channel_->mute(muted); }
  /// A router would have the address.
  void on_handover_wanted(const VirtualRouter& router);

  /// Hands over what a master here has: all that moves with that router. Answers why not; empty: it is
  /// under way.
  std::string hand_over(const VirtualRouter& router);
  std::string why_not_hand_over(const VirtualRouter& router) const;
  /// Hands over whatever it can as soon as it can, until told otherwise: the proxy here is leaving.
  void set_leaving(bool leaving);
  /// No handover is under way, and nothing is left at the other node or here.
  bool is_quiet() const;
  /// Leaves nothing behind, and tells the other that we are gone.
  void shutdown();

  Testament testament() const;

  const std::string& own_name() const { return own_name_; }
  // What is known of the other.
  const Node& other() const { return other_; }
  bool is_alive() const { return channel_->is_alive(); }
  /// When its last message came; nothing: none ever did.
  std::optional<TimePoint> heard_at() const { return heard_at_; }
  /// Its last message; null: never heard, or not any more.
  const PairMessage* heard() const { return heard_ && is_alive() ? &*heard_ : nullptr; }
  const std::string& digest() const { return digest_.whole(); }
  /// Keys whose values differ, as far as they are known; sorted.
  const std::vector<std::string>& differing_keys() const { return differing_; }
  const std::vector<std::unique_ptr<HandoverUnit>>& units() const { return units_; }
  /// What moves together with it; null: it is none of ours.
  HandoverUnit* unit_of(const VirtualRouter& router) const;
  std::uint64_t refused() const { return channel_->refused(); }

 private:
  Pair(Host host, const Config& config, ConfigDigest digest);
  PairMessage compose() override;
  void on_message(const PairMessage& message) override;
  void on_silence() override;
  void greet();
  void compare_configurations(const PairMessage& message);
  void leave();
  std::string hand_over(HandoverUnit& unit);
  std::string why_not(const HandoverUnit& unit) const;

  Host host_;
  const std::string own_name_;
  const Node other_;
  Duration drain_limit_;  // of handovers that begin with units made from now on
  const std::string cannot_;  // keep connections in a handover; empty: it can
  ConfigDigest digest_;
  const TimePoint started_;
  std::vector<Port*> ports_;
  std::map<const VirtualRouter*, TimePoint> since_;  // in its state
  std::vector<std::unique_ptr<HandoverUnit>> units_;
  std::unique_ptr<PairChannel> channel_;
  std::optional<PairMessage> heard_;
  std::optional<TimePoint> heard_at_;
  std::vector<std::string> differing_;
  std::string told_digest_;  // of the other, that was told to differ
  std::string told_version_;
  bool leaving_ = false;
  std::string told_why_not_;
};

}  // namespace hapair::vrrp
