// What a choice costs: a slot taken and given back through Admission, for each algorithm, with few
// and with many servers, on one thread and on two. Prints nanoseconds per request; no test.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <thread>

#include "farm.h"
#include "proxy/balance/admission.h"
#include "proxy/balance/consistent_hash.h"
#include "proxy/balance/first.h"
#include "proxy/balance/key_map.h"
#include "proxy/balance/least_connections.h"
#include "proxy/balance/mix.h"
#include "proxy/balance/random_draws.h"
#include "proxy/balance/round_robin.h"
#include "proxy/balance/static_round_robin.h"

namespace hapair::balance {
namespace {

constexpr unsigned kThreads = 2;
constexpr int kHeld = 64;  // requests under way on each thread
constexpr int kRequests = 1'000'000;
constexpr int kRounds = 5;

using Make = std::unique_ptr<Balancer> (*)(const Farm&);

// The fastest of some rounds: the others measure the neighbours.
double nanoseconds(Make make, std::size_t servers, unsigned threads) {
  double least = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const Farm farm = make_farm(std::vector<Sketch>(servers, Sketch{.maxconn = 1000}));
    const std::unique_ptr<Balancer> balancer = make(farm);
    Admission admission(farm, *balancer);
    const auto begin = std::chrono::steady_clock::now();
    {
      std::vector<std::jthread> workers;
      for (unsigned worker = 0; worker < threads; ++worker)
        workers.emplace_back([&admission, worker] {
          std::array<int, kHeld> held{};
          held.fill(kNoServer);
          for (unsigned i = 0; i < kRequests; ++i) {
            int& server = held[i % kHeld];  // the oldest ends, a new one begins
            if (server != kNoServer) (void)admission.release(server);
            server = admission.ask({.worker = worker, .key = mix(i)}).server;
          }
          for (const int server : held) (void)admission.release(server);
        });
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    least = std::min(least, took.count() / kRequests);  // each thread's own requests
  }
  return least;
}

template <typename Algorithm>
std::unique_ptr<Balancer> plain(const Farm& farm) {
  return std::make_unique<Algorithm>(farm);
}

void report(const char* name, Make make) {
  std::string line = fmt::format("{:<12}", name);
  for (const std::size_t servers : {2, 100, 1000})
    for (unsigned threads = 1; threads <= kThreads; ++threads)
      line += fmt::format("{:>8.0f}", nanoseconds(make, servers, threads));
  fmt::print("{}\n", line);
}

}  // namespace
}  // namespace hapair::balance

int main() {
  using namespace hapair::balance;
  fmt::print(
      "ns/request    2 servers     100 servers    1000 servers\n"
      "threads        1       2       1       2       1       2\n");
  report("roundrobin", [](const Farm& farm) -> std::unique_ptr<Balancer> {
    return std::make_unique<RoundRobin>(farm, kThreads);
  });
  report("static-rr", plain<StaticRoundRobin>);
  report("leastconn", plain<LeastConnections>);
  report("first", plain<First>);
  report("key map", [](const Farm& farm) -> std::unique_ptr<Balancer> {
    return std::make_unique<KeyMap>(farm, kThreads);
  });
  report("consistent", [](const Farm& farm) -> std::unique_ptr<Balancer> {
    return std::make_unique<ConsistentHash>(farm, kThreads, 0);
  });
  report("… bounded", [](const Farm& farm) -> std::unique_ptr<Balancer> {
    return std::make_unique<ConsistentHash>(farm, kThreads, 150);
  });
  report("random", [](const Farm& farm) -> std::unique_ptr<Balancer> {
    return std::make_unique<RandomDraws>(farm, kThreads, 2);
  });
}
