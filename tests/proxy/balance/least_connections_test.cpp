#include "proxy/balance/least_connections.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/admission.h"

namespace hapair::balance {
namespace {

using Sketches = std::vector<Sketch>;

struct Backend {
  explicit Backend(Sketches sketches)
      : farm(make_farm(std::move(sketches))), balancer(farm), admission(farm, balancer) {}

  // Requests that stay, as the letters of their servers.
  std::string hold(int count, Admission::Ask ask = {}) {
    std::string letters;
    for (int i = 0; i < count; ++i) letters += letter_of(admission.ask(ask).server);
    return letters;
  }
  // Requests each of which is over before the next one comes.
  std::string serve(int count) {
    std::string letters;
    for (int i = 0; i < count; ++i) {
      const int server = admission.ask({.worker = static_cast<unsigned>(i % 3)}).server;
      letters += letter_of(server);
      (void)admission.release(server);
    }
    return letters;
  }
  void end(int server, int count = 1) {
    for (int i = 0; i < count; ++i) (void)admission.release(server);
  }
  std::vector<std::uint32_t> sessions() const {
    std::vector<std::uint32_t> counts;
    for (const auto& server : farm) counts.push_back(server->sessions());
    return counts;
  }

  Farm farm;
  LeastConnections balancer;
  Admission admission;
};

using Counts = std::vector<std::uint32_t>;

TEST(LeastConnections, GivesTheNextFiveToTheOtherWhenOneHoldsFive) {
  Backend backend(Sketches{{}, {}});
  backend.hold(5, {.tied_to = 0});
  EXPECT_EQ(backend.hold(5), "bbbbb");
  EXPECT_EQ(backend.hold(4), "abab");
}

TEST(LeastConnections, GoesAroundAmongEqualsOnAnyWorkers) {
  Backend backend(Sketches{{}, {}, {}});
  EXPECT_EQ(backend.serve(7), "abcabca");
  EXPECT_EQ(backend.hold(6), "bcabca");
}

TEST(LeastConnections, FillsUpWhereARequestEnded) {
  Backend backend(Sketches{{}, {}, {}});
  EXPECT_EQ(backend.hold(9), "abcabcabc");
  backend.end(1, 2);
  EXPECT_EQ(backend.hold(2), "bb");
  EXPECT_EQ(backend.sessions(), (Counts{3, 3, 3}));
}

TEST(LeastConnections, HoldsFortyThreeToOne) {
  Backend backend(Sketches{{.weight = 3}, {.weight = 1}});
  backend.hold(40);
  EXPECT_EQ(backend.sessions(), (Counts{30, 10}));
}

TEST(LeastConnections, ComparesWeightsThatHaveNoSmallMultiple) {
  Backend backend(Sketches{{.weight = 256}, {.weight = 255}, {.weight = 127}, {.weight = 1}});
  backend.hold(6390);
  const Counts ideal = {2560, 2550, 1270, 10};
  for (std::size_t i = 0; i < ideal.size(); ++i)
    EXPECT_NEAR(backend.farm[i]->sessions(), ideal[i], 0.01 * ideal[i] + 1) << i;
}

TEST(LeastConnections, PassesOverAFullServerHoweverLittleItHas) {
  Backend backend(Sketches{{.maxconn = 1}, {}});
  EXPECT_EQ(backend.hold(5), "abbbb");
  backend.end(0);
  EXPECT_EQ(backend.hold(2), "ab");
}

TEST(LeastConnections, DoesNotAddToAQueue) {
  Backend backend(Sketches{{.maxconn = 2}, {.maxconn = 9}});
  EXPECT_EQ(backend.hold(3, {.tied_to = 0}), "aa-");  // one waits for the first alone
  EXPECT_EQ(backend.farm[0]->load(), 3u);
  backend.farm[0]->set_maxconn(5);  // has room now, but the one that waits comes first
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(4), "bbbb");
}

TEST(LeastConnections, LeavesADownServerAtOnceAndFillsItWhenItIsBack) {
  Backend backend(Sketches{{}, {}});
  backend.farm[0]->set_health(Health::Down);
  EXPECT_EQ(backend.hold(3), "bbb");  // before the rebuild, too
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(1), "b");
  backend.farm[0]->set_health(Health::Up);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(6), "aaaaba");
}

TEST(LeastConnections, AvoidsTheServerThatFailedUnlessItIsTheOnlyOne) {
  Backend backend(Sketches{{}, {}, {}});
  EXPECT_EQ(backend.hold(4, {.avoid = {1}}), "acac");
  backend.farm[0]->set_health(Health::Down);
  backend.farm[2]->set_health(Health::Down);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(2, {.avoid = {1}}), "bb");
}

TEST(LeastConnections, FollowsAChangeOfWeight) {
  Backend backend(Sketches{{}, {}});
  backend.hold(10);
  backend.farm[0]->set_weight(3);
  backend.balancer.rebuild();
  backend.hold(30);
  EXPECT_EQ(backend.sessions(), (Counts{30, 10}));
  backend.farm[1]->set_weight(0);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(3), "aaa");
}

TEST(LeastConnections, KeepsAThousandServersWithinOneOfEachOtherWhileRequestsComeAndGo) {
  Backend backend(Sketches(1000));
  std::mt19937 random(7);
  std::vector<int> running;
  for (int i = 0; i < 2500; ++i) running.push_back(backend.admission.ask({}).server);
  for (int i = 0; i < 20000; ++i) {
    int& one = running[random() % running.size()];
    backend.end(one);
    one = backend.admission.ask({}).server;
  }
  const Counts counts = backend.sessions();
  EXPECT_EQ(*std::min_element(counts.begin(), counts.end()), 2u);
  EXPECT_EQ(*std::max_element(counts.begin(), counts.end()), 3u);
}

// Each of four workers holds up to a hundred at sixty servers. All that a choice may miss is what
// the three others do in that very moment: a server each that just got room, and a session each
// that is just being added.
TEST(LeastConnections, StaysLevelAmongRacingWorkers) {
  Backend backend(Sketches(60));
  std::atomic<std::uint32_t> highest = 0;
  {
    std::vector<std::jthread> workers;
    for (unsigned worker = 0; worker < 4; ++worker)
      workers.emplace_back([&, worker] {
        std::mt19937 random(worker);
        std::vector<int> running;
        for (int i = 0; i < 30000; ++i) {
          if (running.size() == 100 || (!running.empty() && random() % 2 == 0)) {
            std::swap(running[random() % running.size()], running.back());
            backend.end(running.back());
            running.pop_back();
            continue;
          }
          running.push_back(backend.admission.ask({.worker = worker}).server);
          const auto there = backend.farm[static_cast<std::size_t>(running.back())]->sessions();
          for (std::uint32_t seen = highest; there > seen;)
            if (highest.compare_exchange_weak(seen, there)) break;
        }
        for (const int server : running) backend.end(server);
      });
    for (int i = 0; i < 200; ++i) backend.balancer.rebuild();
  }
  EXPECT_LE(highest, 400u / (60 - 3) + 1 + 3);
  EXPECT_EQ(backend.sessions(), Counts(60, 0));
  EXPECT_EQ(backend.serve(60).size(), 60u);
}

}  // namespace
}  // namespace hapair::balance
