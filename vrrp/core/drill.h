// What a drill on a live pair asks of the two nodes, as values and as the words they say to each
// other.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/pair_message.h"
#include "vrrp/core/effect.h"

namespace hapair::vrrp::drill {

// Somebody rehearses a failure of the master, from the backup:
//
//     asker (backup)                      actor (master)
//     asked      -- drill-start -->       once for an id, and only where the file allows it
//                <-- drill-begun --       carried out, and not undone yet
//                <-- drill-over --        undone, or there is nothing to undo
//                <-- drill-refused --     and why
//
// Each says its words with every message until they are answered or stale, so a lost one costs a
// repetition.

enum class Kind : std::uint8_t { Switchover, Failover, KillProxy, HangProxy, StopVrrp, KillVrrp, LinkDown };

struct Description {
  Kind kind;
  std::string_view name;  // "kill-proxy"
  std::string_view what;  // it does, and how that is undone
  bool lasts = false;     // for the hold that is asked for
};
std::span<const Description> descriptions();
const Description& describe(Kind kind);
/// Null: there is none of that name.
const Description* find(std::string_view name);

inline constexpr Duration kUsualHold = std::chrono::seconds(3);
inline constexpr Duration kShortestHold = std::chrono::milliseconds(100);
inline constexpr Duration kLongestHold = std::chrono::seconds(60);

/// An order that nobody answered is said for so long; a daemon that has not run for longer refuses
/// them all, so that one whose end was ordered does not end again when the next process hears the
/// same words.
inline constexpr Duration kSaid = std::chrono::seconds(1);
inline constexpr Duration kLeastUptime = 2 * kSaid;
/// An answer is said for so long after the last of it.
inline constexpr Duration kAnswered = std::chrono::seconds(30);
/// So long after it began the other is asked what happened there.
inline constexpr Duration kCurious = std::chrono::seconds(60);

struct Order {
  std::uint64_t id = 0;  // drawn for this drill
  Kind kind = Kind::Switchover;
  Duration hold{};  // whole milliseconds, within the bounds above
  std::string instance;
  friend bool operator==(const Order&, const Order&) = default;
};
struct Answer {
  enum class Step : std::uint8_t { Begun, Over, Refused };
  std::uint64_t id = 0;
  Step step = Step::Begun;
  std::string why;  // of Refused
  friend bool operator==(const Answer&, const Answer&) = default;
};
/// What happened to an instance at the other node, and how long ago.
struct Event {
  Duration age{};  // whole milliseconds
  State to = State::Initialize;
  std::string text;
  friend bool operator==(const Event&, const Event&) = default;
};

PairMessage::Drill to_words(const Order& order);
PairMessage::Drill to_words(const Answer& answer);
PairMessage::Drill to_words(const Event& event);
/// Asks for the events of an instance.
PairMessage::Drill ask_for_events(std::string_view instance);

/// What the words of one message say. Words that are not understood are passed over.
struct Heard {
  std::optional<Order> order;
  std::vector<Answer> answers;
  std::string tell;  // the events of this instance; empty: nobody asks
  std::vector<Event> events;
};
Heard read(std::span<const PairMessage::Drill> words);

/// The asker's half. Pure.
class Asker {
 public:
  enum class Step : std::uint8_t { Idle, Asked, Begun, Over, Refused };

  void ask(Order order, TimePoint now);
  void on_answer(const Answer& answer, TimePoint now);
  void on_deadline(TimePoint now);
  /// Whoever ran it has its result: nothing more is asked. False: it is not the last one, or has
  /// been closed.
  bool close(std::uint64_t id);

  Step step() const { return step_; }
  /// Of the last drill; valid unless Idle.
  const Order& order() const { return order_; }
  const std::string& why_refused() const { return why_; }
  TimePoint deadline() const { return deadline_; }
  bool is_busy() const { return step_ == Step::Asked || step_ == Step::Begun; }
  std::vector<PairMessage::Drill> words() const;

 private:
  void refuse(std::string why);

  Step step_ = Step::Idle;
  Order order_;
  std::string why_;
  bool tells_ = false;  // the other is to tell what happened there
  TimePoint told_until_{};
  TimePoint deadline_ = kNever;
};

/// The actor's half: an order is carried out once, and undone in time. Pure.
class Actor {
 public:
  explicit Actor(TimePoint started) : started_(started) {}
  /// The file has [pair] drills = true; false until this is said.
  void set_allowed(bool allowed) { allowed_ = allowed; }
  bool is_allowed() const { return allowed_; }

  /// What is to be carried out now; on_carried_out() then says how that went. Nothing: it was
  /// already, or is refused.
  std::optional<Order> on_order(const Order& order, TimePoint now);
  /// `why_not`: it could not be done; empty: it was.
  void on_carried_out(std::string_view why_not, TimePoint now);
  /// What is to be undone now.
  std::optional<Order> on_deadline(TimePoint now);
  /// The daemon ends: the same.
  std::optional<Order> on_shutdown();

  /// What is carried out and not undone; null: nothing.
  const Order* held() const { return current_ && holds_ ? &*current_ : nullptr; }
  TimePoint deadline() const { return deadline_; }
  std::vector<PairMessage::Drill> words() const;

 private:
  void refuse(std::uint64_t id, std::string why, TimePoint now);

  const TimePoint started_;
  bool allowed_ = false;
  std::optional<Order> current_;  // the last that was carried out
  bool holds_ = false;
  std::optional<Answer> refused_;  // the last that was refused
  TimePoint deadline_ = kNever;    // of the hold; else of the words
  bool says_ = false;
};

}  // namespace hapair::vrrp::drill
