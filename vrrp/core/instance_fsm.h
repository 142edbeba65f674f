// The election of one virtual router, seen from one node.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/address.h"
#include "common/clock.h"
#include "vrrp/core/advert.h"
#include "vrrp/core/effect.h"

namespace hapair::vrrp {

/// RFC 3768 section 6.4 with a FAULT state. Pure: the owner brings events and the time, carries out
/// the effects in order, and calls on_deadline when deadline() has come.
///
/// A virtual router of both families is one election: its adverts come in both, and each counts.
///
/// Where it departs from the RFC, and why, README.md has the table.
class InstanceFsm {
 public:
  /// What a backup does about a master below it.
  enum class Preempt : std::uint8_t {
    Always,
    Delay,  // follows it for preempt_delay first
    Never,  // follows it until it falls silent, or falls below what it was
  };
  struct Settings {
    IpAddress source;  // breaks ties
    std::optional<IpAddress> other_source{};  // of the other family; ties there are left to the first
    std::uint8_t priority = 100;
    Duration interval = std::chrono::seconds(1);
    Version version = Version::V2;
    /// Version 3: a master's longer interval is believed up to here, so that one packet cannot
    /// silence us for minutes.
    Duration longest_adopted = 3 * interval;
    bool claims_at_start = false;  // only with Preempt::Always
    Preempt preempt = Preempt::Always;
    Duration preempt_delay{};
    /// From the start on, only listens: links and peers may need a moment.
    Duration startup_delay{};
    /// After a failure of ours was mended, so long a lower master is left alone.
    Duration hold_down{};
    /// What the other node's priority is while all is well there, where the configuration tells it.
    std::optional<std::uint8_t> peer_priority{};
    /// Nobody but one other node is believed: when that resigns, there is no order to be kept.
    bool only_peer = false;
  };
  explicit InstanceFsm(Settings settings)
      : settings_(settings),
        priority_(settings.priority),
        master_interval_(settings.interval),
        peer_priority_(settings.peer_priority) {}

  /// Leaves Initialize. Addresses that a crashed predecessor left are removed first.
  Effects on_start(TimePoint now);
  /// An advert that was believed. `source` is who sent it; `interval` what it says, which a backup of
  /// version 3 makes its own measure (zero: ours, as in version 2).
  Effects on_advert(const IpAddress& source, std::uint8_t priority, TimePoint now,
                    Duration interval = Duration::zero());
  Effects on_deadline(TimePoint now);
  /// The effective priority (1..255) after what is tracked was heard.
  Effects on_priority(std::uint8_t priority, TimePoint now);
  /// Whether this node could serve: link up, own address present, nothing of weight 0 failed.
  Effects on_usable(bool usable, TimePoint now);
  /// The process did not run for so long that the others may have elected without it.
  Effects on_stall(TimePoint now);
  /// The end. A master resigns, a claimant takes its claim back.
  Effects on_shutdown();

  /// Another member of its synchronization group became master, or is no longer.
  Effects on_group_leads(TimePoint now);
  Effects on_group_follows(TimePoint now);
  /// A master asks its peer to take over, and takes the address back if nobody does. One that hands over
  /// does not preempt afterwards, until it has failed and recovered.
  Effects yield(Cause::Kind why, TimePoint now);
  /// The peer hands over to this backup.
  Effects on_handover(TimePoint now);

  /// What the peer would be as a master, known from elsewhere than its adverts; nothing: it could not
  /// serve, or nothing is known of it.
  void set_peer_priority(std::optional<std::uint8_t> priority) { peer_priority_ = priority; }
  /// The peer is master and can hand over without a loss: a better one asks for that, and waits a while,
  /// before it preempts.
  void set_courteous(bool courteous) { courteous_ = courteous; }

  State state() const { return state_; }
  /// Of the last change of state.
  const Cause& cause() const { return cause_; }
  std::uint8_t priority() const { return priority_; }
  /// What is known of the other node's: heard last, or configured.
  std::optional<std::uint8_t> peer_priority() const { return peer_priority_; }
  TimePoint deadline() const { return deadline_; }
  /// A backup follows a master that is at least its equal, and has not fallen silent.
  bool follows_better(TimePoint now) const;
  /// A backup whose timer is over waits once more: its group may not lead yet. It follows nobody
  /// meanwhile, or two members would wait for each other.
  void wait_on(TimePoint now) {
    deadline_ = now + settings_.interval;
    waits_ = true;
  }
  /// Three intervals and the skew: how long a backup believes in a silent master.
  Duration master_down_interval() const { return 3 * master_interval_ + skew(); }
  /// Not running for longer than this, a master may have been replaced.
  Duration longest_absence() const { return 3 * settings_.interval; }
  /// So that the highest backup is the first: (256 - priority) / 256 of a second (RFC 3768 section
  /// 6.1), or in version 3 of the master's interval (RFC 9568 section 6.1).
  Duration skew() const {
    const Duration whole =
        settings_.version == Version::V2 ? Duration(std::chrono::seconds(1)) : master_interval_;
    return whole * (256 - priority_) / 256;
  }

  /// What another process needs to go on where this one ends, without an election.
  struct Memory {
    State state = State::Initialize;
    Cause cause;
    Duration master_interval{};
    TimePoint deadline = kNever;
    std::optional<IpAddress> master{};
    std::uint8_t master_priority = 0;
    std::optional<std::uint8_t> peer_priority{};
    bool gave = false;
    bool resigned = false;  // of a backup: the master did, and its timer is the shorter one
    TimePoint quiet_until = TimePoint::min();
    TimePoint grace_until = TimePoint::min();
    TimePoint preempt_from = kNever;
    friend bool operator==(const Memory&, const Memory&) = default;
  };
  Memory memory() const;
  /// Instead of on_start(): a master puts its addresses where they are already and goes on sending. One
  /// that cannot serve any more resigns.
  Effects on_resume(const Memory& memory, TimePoint now);

  /// Other settings from here on, whatever it is now; of the priority on_priority() tells. What it waits
  /// for comes as if these had been its settings when the wait began, and a master's next advert is late
  /// by neither's interval.
  void change(const Settings& settings, TimePoint now);

 private:
  struct Rival {
    std::array<std::optional<IpAddress>, 2> addresses;  // by family
    std::uint8_t priority = 0;                          // what it said last
    bool followed = false;  // we believe in it; else it is only the one that was heard last

    bool is(const IpAddress& address) const { return addresses[address.is_v6()] == address; }
  };

  void begin(TimePoint now, Effects& out);
  void claim(TimePoint now, Effects& out);
  void become_master(Cause cause, TimePoint now, Effects& out);
  void become_backup(Cause cause, TimePoint now, Effects& out);
  void resign(State from, Effects& out);
  void follow(const IpAddress& master, std::uint8_t priority, Duration interval, TimePoint now);
  void send_advert(TimePoint now, Effects& out);
  bool may_answer(TimePoint now);
  bool may_preempt(TimePoint now);
  bool asks_first(TimePoint now, Effects& out);
  bool is_ours(const IpAddress& source) const {
    return source == settings_.source || source == settings_.other_source;
  }

  void as_backup(const IpAddress& source, std::uint8_t priority, Duration interval, TimePoint now,
                 Effects& out);
  void as_candidate(const IpAddress& source, std::uint8_t priority, Duration interval,
                    TimePoint now, Effects& out);

  Settings settings_;
  State state_ = State::Initialize;
  Cause cause_;
  std::uint8_t priority_;
  Duration master_interval_;  // of whom we follow; ours while we follow nobody
  bool usable_ = true;
  TimePoint deadline_ = kNever;
  std::optional<Rival> current_master_;  // of a backup
  std::optional<std::uint8_t> peer_priority_;
  bool gave_ = false;                         // handed over, and well since
  TimePoint given_until_ = TimePoint::min();  // adverts are of before the address was given to us
  bool courteous_ = false;
  TimePoint asked_at_ = TimePoint::min();     // for a handover
  bool master_resigned_ = false;              // what the timer of a backup then means
  bool waits_ = false;                        // likewise: it was over already
  bool yielding_ = false;                     // what that of a master does: the peer did not act
  TimePoint preempt_from_ = kNever;           // Preempt::Delay: since a lower master was heard
  TimePoint quiet_until_ = TimePoint::min();  // start-up grace and hold-down
  TimePoint grace_until_ = TimePoint::min();  // the former alone: no transition at all
  TimePoint last_answer_ = TimePoint::min();
  TimePoint last_told_ = TimePoint::min();
  TimePoint last_preemption_ = TimePoint::min();  // at once, without the timer
};

}  // namespace hapair::vrrp
