// Two nodes of a pair in simulated time: the pure cores of the election, the pair channel, the
// planned handover and the proxy's watch, between links that lose, delay, double and reorder as a
// seed decides. With SIM_SEED in the environment what happens is printed.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/pair_message.h"
#include "vrrp/core/handover_giver.h"
#include "vrrp/core/handover_taker.h"
#include "vrrp/core/instance_fsm.h"
#include "vrrp/core/pair_session.h"
#include "vrrp/core/peer_guard.h"
#include "vrrp/core/proxy_watch.h"

namespace hapair::vrrp {

class SimulatedPair {
 public:
  struct Conditions {
    double loss = 0;  // of a packet, on either way
    double duplication = 0;
    Duration longest_delay = std::chrono::milliseconds(2);
    bool adverts_pass = true;
    bool channel_passes = true;
  };
  struct Counts {
    Duration two_masters{};  // the longest time
    Duration no_master{};
    int broken = 0;  // connections that were cut
    int kept = 0;    // connections that ended by themselves at a node that had given the address
  };
  explicit SimulatedPair(std::uint64_t seed, const Conditions& conditions);

  Conditions& conditions() { return conditions_; }
  std::uint64_t random(std::uint64_t below) { return random_() % below; }
  void run_for(Duration span);
  /// Counts anew.
  void forget();
  const Counts& counts() const { return counts_; }

  /// 0 or 1; -1: none or both.
  int master() const;
  bool is_running(int node) const;
  /// Kernel state that only a handover makes.
  bool has_leftovers(int node) const;

  /// The daemon dies; its guardian does what is left to be done.
  void kill(int node);
  /// The host is off.
  void power_off(int node);
  void boot(int node);
  void kill_proxy(int node);
  void hang_proxy(int node);
  void mend_proxy(int node);
  /// As `hapair switchover` and a leaving proxy ask for it. Nothing happens where it cannot be.
  void switch_over();

 private:
  struct Node {
    int number = 0;
    bool running = false;
    TimePoint booted{};
    std::unique_ptr<InstanceFsm> fsm;
    std::unique_ptr<PeerGuard> guard;
    std::unique_ptr<HandoverGiver> giver;
    std::unique_ptr<HandoverTaker> taker;
    std::unique_ptr<PairSession> session;
    std::unique_ptr<ProxyWatch> watch;
    std::optional<PairMessage> heard;
    TimePoint say_at = kNever;
    TimePoint installed_at = kNever;  // when the kernel is done
    TimePoint beat_at = kNever;
    bool proxy_beats = true;
    bool proxy_runs = true;
    int connections = 0;  // that began here
    // The kernel's.
    bool holds = false, loopback = false, forwards = false;
  };
  struct Event {
    TimePoint at;
    std::uint64_t order;
    std::function<void()> act;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  Node& other(const Node& node) { return nodes_[static_cast<std::size_t>(1 - node.number)]; }
  void log(const Node& node, std::string_view text) const;
  void later(Duration delay, std::function<void()> act);
  void carry(bool passes, const std::function<void()>& deliver);
  TimePoint deadline(const Node& node) const;
  void on_due(Node& node);
  void judge_proxy(Node& node);
  void clear(Node& node);

  void run(Node& node, const Effects& effects);
  void run(Node& node, const handover::Orders& orders);
  void say(Node& node);
  PairMessage compose(const Node& node) const;
  void hear(Node& node, const Bytes& datagram);
  void hear(Node& node, const PairMessage& message);
  void on_word(Node& node, const PairMessage::Handover& word);
  void measure();

  Conditions conditions_;
  std::mt19937_64 random_;
  TimePoint now_{std::chrono::hours(1)};
  const TimePoint begin_ = now_;
  std::array<Node, 2> nodes_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  TimePoint two_since_ = kNever, none_since_ = kNever;
  Counts counts_;
  std::uint64_t id_ = 0;
};

}  // namespace hapair::vrrp
