// A link with routers and one client on it, in simulated time: adverts are lost, delayed and
// reordered as a seed decides, so a failing run is repeated by its seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "tests/vrrp/fake_netlink.h"
#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {

class VirtualNetwork;

/// A host: the daemon's own VirtualRouter between a small kernel and the simulated link.
class SimulatedRouter final : private LinkPort, private Logger {
 public:
  struct Settings {
    int priority = 100;
    InitialState state = InitialState::Backup;
    Preempt preempt = Preempt::Always;
    int version = 2;
    Duration interval = std::chrono::seconds(1);
  };
  SimulatedRouter(VirtualNetwork& net, int number, const Settings& settings);

  VirtualRouter& router() { return *router_; }
  FakeNetlink& netlink() { return netlink_; }
  bool holds_address() const;
  int number() const { return number_; }
  const std::vector<std::string>& log() const { return log_; }

  void start();
  void shutdown();
  /// Dies without a word; its addresses are gone with it (the host is off).
  void power_off();
  /// A new process on the same host.
  void boot();
  void script(Verdict verdict, int weight = 2);
  /// The process does not run until resume(); what arrives waits in its socket.
  void stop_process() { stopped_ = true; }
  void resume();

 private:
  friend class VirtualNetwork;
  Result<void> send_advert(const Endpoints& way, ByteView packet) override;
  Result<void> send_frame(int index, ByteView frame) override;
  void write(Severity severity, std::string_view text) override;
  void receive(const Bytes& packet);
  TimePoint deadline() const;
  void on_due();

  VirtualNetwork& net_;
  const int number_;
  Instance config_;
  FakeNetlink netlink_;
  std::unique_ptr<VirtualRouter> router_;
  std::vector<Bytes> waiting_;
  std::vector<std::string> log_;
  bool running_ = false;
  bool stopped_ = false;
};

class VirtualNetwork {
 public:
  struct Conditions {
    double loss = 0;
    Duration min_delay = std::chrono::microseconds(50);
    Duration max_delay = std::chrono::microseconds(500);
    bool reorder = false;  // adverts of one sender may overtake each other
  };
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
  /// Who holds the address now; null if nobody or more than one does.
  SimulatedRouter* master();
  int holders() const;
  /// The router the client's neighbour table names; 0 before the first announcement.
  int client_believes() const { return client_believes_; }
  /// The longest times without any holder, and with more than one, since forget().
  Duration longest_gap() const { return longest_gap_; }
  Duration longest_overlap() const { return longest_overlap_; }
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
  void carry_advert(int from, const Bytes& packet);
  void carry_frame(int from);
  void deliver_later(int from, std::function<void()> deliver);
  void measure();

  Conditions conditions_;
  std::mt19937_64 random_;
  TimePoint now_{std::chrono::hours(1)};
  std::vector<std::unique_ptr<SimulatedRouter>> routers_;
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> wire_;
  std::vector<std::pair<int, int>> cuts_;
  std::uint64_t order_ = 0;
  std::map<int, TimePoint> last_delivery_;  // of each sender
  int client_believes_ = 0;
  TimePoint gap_since_ = kNever;
  TimePoint overlap_since_ = kNever;
  Duration longest_gap_{};
  Duration longest_overlap_{};
};

}  // namespace hapair::vrrp
