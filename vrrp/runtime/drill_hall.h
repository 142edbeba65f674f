// Drills on a live pair: what this node asks of the other, and what it does because the other asks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/log.h"
#include "common/loop/loop.h"
#include "common/pair_message.h"
#include "vrrp/core/drill.h"
#include "vrrp/core/drill_outlook.h"
#include "vrrp/core/history.h"
#include "vrrp/runtime/pair.h"
#include "vrrp/runtime/port.h"
#include "vrrp/runtime/trackers.h"

namespace hapair::vrrp {

/// Carries out what the two halves of a drill decide. Lives on its loop's thread, never holds it
/// up, and dies before what it is made with.
class DrillHall {
 public:
  struct Host {
    Loop& loop;
    Logger& log;
    const Trackers& trackers;
    const std::vector<std::unique_ptr<Port>>& ports;
    /// What is to be done if the daemon dies has changed.
    std::function<void()> on_testament;
  };
  explicit DrillHall(Host host);

  /// The other node from now on; null: there is none. `allowed`: [pair] drills.
  void change(Pair* pair, bool allowed);
  /// Where the last changes of state are told from; without, nothing is told.
  void set_history(const History& history) { history_ = &history; }

  // For whoever runs a drill from here.
  DrillOutlook outlook(const VirtualRouter& router) const;
  /// Asks the other for it. Answers why not; empty: asked.
  std::string ask(drill::Kind kind, const VirtualRouter& router, Duration hold);
  /// The instance whose drill that was: it has been reported. Nothing: it is not the last one, or
  /// was before.
  std::optional<std::string> close(std::uint64_t id);

  // For the pair channel.
  std::vector<PairMessage::Drill> words() const;
  void on_words(const std::vector<PairMessage::Drill>& words);

  /// Nothing is asked for, and nothing left to be undone.
  bool is_quiet() const { return !asker_.is_busy() && !actor_.held(); }
  /// Undoes what is not undone yet.
  void shutdown();
  Testament testament() const;

 private:
  void on_due();
  void rearm();
  void begin(const drill::Order& order);
  /// Answers why it cannot be done; empty: it was.
  std::string carry_out(const drill::Order& order);
  void undo(const drill::Order& order);
  std::string signal_proxy(int number);
  Port* port_of(const std::string& instance) const;
  /// Of all instances on its link, and of the pair channel, which is taken to go the same way.
  void pull_cable(const drill::Order& order, bool out);
  void rehearse_fault(const drill::Order& order, bool fails);
  void say();

  Host host_;
  Pair* pair_ = nullptr;
  const History* history_ = nullptr;
  drill::Asker asker_;
  drill::Actor actor_;
  std::string asked_about_;  // the instance whose changes the other wants to know; empty: none
  std::vector<DrillOutlook::Event> told_;      // by the other, of the last drill's instance
  std::optional<ProxyLink::Process> stopped_;  // the proxy
  Timer timer_;
  std::function<void()> next_;  // to be done when the words about it are out
  Timer next_timer_;
};

}  // namespace hapair::vrrp
