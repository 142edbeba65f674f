// A link with hosts and one client on it, in simulated time: adverts are lost, delayed, doubled and
// reordered as a seed decides, so a failing run is repeated by its seed. With SIM_SEED in the
// environment the hosts' logs are printed as they are written.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "tests/vrrp/fake_netlink.h"
#include "vrrp/runtime/sync_groups.h"
#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {

class VirtualNetwork;

/// A host: the daemon's own VirtualRouter between a small kernel and the simulated link. It can
/// have several, which are one synchronization group then.
class SimulatedRouter final : private LinkPort, private Logger, private RouterObserver {
 public:
  enum class Families { V4, V6, Both };  // the latter two of version 3
  struct Settings {
    int priority = 100;
    InitialState state = InitialState::Backup;
    Preempt preempt = Preempt::Always;
    int version = 2;
    Duration interval = std::chrono::seconds(1);
    Families families = Families::V4;
    bool signs = false;      // HMAC, with a key that all have
    Duration clock_error{};  // of its wall clock
    int instances = 1;
  };
  SimulatedRouter(VirtualNetwork& net, int number, const Settings& settings);

  VirtualRouter& router(int instance = 0) { return *routers_[static_cast<std::size_t>(instance)]; }
  const VirtualRouter& router(int instance = 0) const {
    return *routers_[static_cast<std::size_t>(instance)];
  }
  FakeNetlink& netlink() { return netlink_; }
  /// All addresses of the instance; any of them.
  bool holds_address(int instance = 0) const;
  bool holds_any(int instance = 0) const;
  int number() const { return number_; }
  const std::vector<std::string>& log() const { return log_; }

  void start();
  void shutdown();
  /// Dies without a word; its addresses are gone with it (the host is off).
  void power_off();
  /// The process is killed; the kernel keeps the addresses for as long as it was told.
  void crash();
  /// The process is killed, and its guardian does what is left to be done.
  void die_guarded();
  /// A new process on the same host.
  void boot();
  void script(Verdict verdict, int weight = 2);
  /// Of one instance's interface.
  void set_link(bool up, int instance);
  /// The process does not run until resume(); what arrives waits in its socket.
  void stop_process();
  void resume();
  bool is_awake() const { return running_ && !stopped_; }
  /// Awake, and nothing is wrong with any of its instances.
  bool can_serve() const;

 private:
  friend class VirtualNetwork;
  Result<void> send_advert(const Endpoints& way, ByteView packet) override;
  Result<void> send_frame(int index, ByteView frame) override;
  void write(Severity severity, std::string_view text) override;
  void on_became(VirtualRouter& router, State before, TimePoint now) override;
  void on_fitness(VirtualRouter& router, TimePoint now) override;
  bool may_lead(const VirtualRouter& router, TimePoint now) override;
  void on_testament(VirtualRouter&) override {}
  void on_lower_heard(VirtualRouter&) override {}
  void on_priority(VirtualRouter&) override {}
  void on_handover_wanted(VirtualRouter&) override {}

  /// Asks every router, then lets its group follow.
  void each(const std::function<void(VirtualRouter&)>& ask);
  /// Whether the link of its instance is up.
  bool passes(ByteView packet) const;
  void look_at_links();
  void hear(const Bytes& packet);
  void receive(const Bytes& packet);
  TimePoint deadline() const;
  void on_due();

  VirtualNetwork& net_;
  const int number_;
  const Settings settings_;
  FakeNetlink netlink_;
  std::vector<std::unique_ptr<VirtualRouter>> routers_;
  std::unique_ptr<SyncGroups> groups_;
  bool group_owes_ = false;
  std::vector<bool> link_up_;  // of each instance
  std::vector<Bytes> waiting_;
  std::vector<std::string> log_;
  bool running_ = false;
  bool stopped_ = false;
};

class VirtualNetwork {
 public:
  struct Conditions {
    double loss = 0;
    double duplication = 0;
    Duration min_delay = std::chrono::microseconds(50);
    Duration max_delay = std::chrono::microseconds(500);
    bool reorder = false;  // adverts of one sender may overtake each other
  };
  static constexpr TimePoint kBegin{std::chrono::hours(1)};
  explicit VirtualNetwork(std::uint64_t seed) : VirtualNetwork(seed, Conditions{}) {}
  VirtualNetwork(std::uint64_t seed, Conditions conditions)
      : conditions_(conditions), random_(seed) {}

  SimulatedRouter& router(const SimulatedRouter::Settings& settings);
  void run_for(Duration span);
  /// Nothing passes between these two, or in one direction only.
  void cut(const SimulatedRouter& from, const SimulatedRouter& to, bool both_ways = true);
  void heal();
  void stop_losing() { conditions_.loss = 0; }

  TimePoint now() const { return now_; }
  std::uint64_t random(std::uint64_t below) { return random_() % below; }
  bool chance(double share) { return static_cast<double>(random(1'000'000)) < share * 1e6; }
  /// Who holds the address now; null if nobody or more than one does.
  SimulatedRouter* master(int instance = 0);
  int holders(int instance = 0) const;
  /// The router the client's neighbour table names for the first instance; 0 before the first
  /// announcement.
  int client_believes() const { return client_believes_; }
  /// The longest times since forget(), of any instance: without any holder of an address; with more
  /// than one, the dead included; with more than one master that runs; without anybody who leads
  /// although a host could; and of a host that does not run and holds addresses.
  Duration longest_gap() const { return longest_gap_; }
  Duration longest_overlap() const { return longest_overlap_; }
  Duration longest_rivalry() const { return longest_rivalry_; }
  Duration longest_wait() const { return longest_wait_; }
  Duration longest_haunting() const { return longest_haunting_; }
  void forget();

 private:
  friend class SimulatedRouter;
  struct Delivery {
    TimePoint at;
    std::uint64_t order;
    std::function<void()> deliver;
    bool operator>(const Delivery& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  /// Of one instance.
  struct Since {
    TimePoint gap = kNever;
    TimePoint overlap = kNever;
    TimePoint rivalry = kNever;
    TimePoint wait = kNever;
  };
  void carry_advert(int from, const Bytes& packet);
  void carry_frame(int from, const Bytes& frame);
  void deliver_later(int from, std::function<void()> deliver);
  void measure();

  Conditions conditions_;
  std::mt19937_64 random_;
  TimePoint now_ = kBegin;
  std::vector<std::unique_ptr<SimulatedRouter>> routers_;
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> wire_;
  std::vector<std::pair<int, int>> cuts_;
  std::uint64_t order_ = 0;
  std::map<int, TimePoint> last_delivery_;  // of each sender
  int client_believes_ = 0;
  std::map<int, TimePoint> awake_since_;   // of each host that can serve
  std::map<int, TimePoint> haunts_since_;  // of each host that does not run, and holds something
  std::vector<Since> since_;               // of each instance
  Duration longest_gap_{};
  Duration longest_overlap_{};
  Duration longest_rivalry_{};
  Duration longest_wait_{};
  Duration longest_haunting_{};
};

}  // namespace hapair::vrrp
