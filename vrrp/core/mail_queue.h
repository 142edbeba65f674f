// Decides when which mail is sent, and when one is given up.
#pragma once

#include <optional>

#include "common/clock.h"
#include "vrrp/core/mail.h"
#include "vrrp/core/newest_queue.h"

namespace hapair::vrrp {

/// Pure. One mail is on its way at a time, in the order of the changes they tell of. A server that
/// does not take one is asked again after a pause that doubles from failure to failure.
class MailQueue {
 public:
  struct Settings {
    std::size_t most = 64;  // that wait
    int tries = 20;         // of one mail; about an hour
    Duration first_pause = std::chrono::seconds(1);
    Duration longest_pause = std::chrono::minutes(5);
  };
  explicit MailQueue(Settings settings) : settings_(settings), waiting_(settings.most) {}
  MailQueue() : MailQueue(Settings{}) {}

  /// Answers the oldest that waits, if it had to make room.
  std::optional<Mail> push(Mail mail);
  /// The mail that is to be sent now, and is on its way from now on. It stays valid until its end
  /// is told.
  const Mail* take(TimePoint now);
  void on_delivered();
  enum class Outcome { TriedAgain, GivenUp };
  /// `for_good`: the server will never take it. Answers what becomes of it.
  Outcome on_failed(bool for_good, TimePoint now);
  /// The end is near: no more pauses, and no second tries.
  void hurry();

  /// When take() is to be asked again; kNever while a mail is on its way or none is there.
  TimePoint deadline() const;
  bool empty() const { return !current_ && waiting_.empty(); }
  /// Those that are not delivered, the one on its way included.
  std::size_t size() const { return waiting_.size() + (current_ ? 1 : 0); }

 private:
  const Settings settings_;
  NewestQueue<Mail> waiting_;
  std::optional<Mail> current_;  // on its way, or to be tried again
  bool on_its_way_ = false;
  bool hurried_ = false;
  int tries_ = 0;     // of current_
  Duration pause_{};  // after the last failure; zero: the last one was delivered
  TimePoint next_ = TimePoint::min();
};

}  // namespace hapair::vrrp
