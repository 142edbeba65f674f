// The election of one virtual router, seen from one node.
#pragma once

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
/// Where it departs from the RFC, and why (README.md has the table):
/// - A backup preempts at once when the very master it follows falls below it. The RFC lets the
///   master-down timer run out, which here guards against nothing: that master has just spoken. At
///   most once per master-down interval.
/// - A node configured as master claims at its start: one advert, then one interval of listening.
///   This is what seed 002's log shows, and it needs a third of the RFC's time.
/// - A master that gives way says so with priority 0, so that a claimant takes the address now
///   and not after its interval.
/// - A master whose priority falls says so at once, not with its next advert.
class InstanceFsm {
 public:
  struct Settings {
    IpAddress source;  // breaks ties
    std::uint8_t priority = 100;
    Duration interval = std::chrono::seconds(1);
    Version version = Version::V2;
    /// Version 3: a master's longer interval is believed up to here, so that one packet cannot
    /// silence us for minutes.
    Duration longest_adopted = 3 * interval;
    bool claims_at_start = false;
    bool preempt = true;
  };
  explicit InstanceFsm(Settings settings)
      : settings_(settings), priority_(settings.priority), master_interval_(settings.interval) {}

  /// Leaves Initialize. Addresses that a crashed predecessor left are removed first.
  Effects on_start(TimePoint now);
  /// An advert that passed decode(). `source` is who sent it; `interval` what it says, which a
  /// backup of version 3 makes its own measure (zero: ours, as in version 2).
  Effects on_advert(const IpAddress& source, std::uint8_t priority, TimePoint now,
                    Duration interval = Duration::zero());
  Effects on_deadline(TimePoint now);
  /// The effective priority (1..255) after scripts were heard.
  Effects on_priority(std::uint8_t priority, TimePoint now);
  /// Whether this node could serve: link up, own address present, no script of weight 0 failed.
  Effects on_usable(bool usable, TimePoint now);
  /// The end. A master resigns, a claimant takes its claim back.
  Effects on_shutdown();

  State state() const { return state_; }
  std::uint8_t priority() const { return priority_; }
  TimePoint deadline() const { return deadline_; }
  /// Three intervals and the skew: how long a backup believes in a silent master.
  Duration master_down_interval() const { return 3 * master_interval_ + skew(); }
  /// So that the highest backup is the first: (256 - priority) / 256 of a second (RFC 3768 section
  /// 6.1), or in version 3 of the master's interval (RFC 9568 section 6.1).
  Duration skew() const {
    const Duration whole =
        settings_.version == Version::V2 ? Duration(std::chrono::seconds(1)) : master_interval_;
    return whole * (256 - priority_) / 256;
  }

 private:
  struct Rival {
    IpAddress address;
    bool outranked_us;  // we followed it because it was at least our equal
  };

  void begin(TimePoint now, Effects& out);
  void claim(TimePoint now, Effects& out);
  void become_master(TimePoint now, Effects& out);
  void become_backup(TimePoint now, Effects& out);
  void resign(State from, Effects& out);
  void follow(const IpAddress& master, Duration interval, TimePoint now);
  void send_advert(TimePoint now, Effects& out);
  bool may_answer(TimePoint now);

  void as_backup(const IpAddress& source, std::uint8_t priority, Duration interval, TimePoint now,
                 Effects& out);
  void as_candidate(const IpAddress& source, std::uint8_t priority, Duration interval,
                    TimePoint now, Effects& out);

  Settings settings_;
  State state_ = State::Initialize;
  std::uint8_t priority_;
  Duration master_interval_;  // of whom we follow; ours while we follow nobody
  bool usable_ = true;
  TimePoint deadline_ = kNever;
  std::optional<Rival> current_master_;  // of a backup: who it believes in
  TimePoint last_answer_ = TimePoint::min();
  TimePoint last_told_ = TimePoint::min();
  TimePoint last_preemption_ = TimePoint::min();  // at once, without the timer
};

}  // namespace hapair::vrrp
