#include "proxy/balance/admission.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

#include "farm.h"
#include "proxy/balance/consistent_hash.h"
#include "proxy/balance/first.h"
#include "proxy/balance/key_map.h"
#include "proxy/balance/least_connections.h"
#include "proxy/balance/mix.h"
#include "proxy/balance/random_draws.h"
#include "proxy/balance/round_robin.h"

namespace hapair::balance {
namespace {

using Kind = Admission::Answer::Kind;
using Cancelled = Admission::Cancelled;

using Sketches = std::vector<Sketch>;

std::unique_ptr<Balancer> round_robin(const Farm& farm, unsigned workers) {
  return std::make_unique<RoundRobin>(farm, workers);
}
std::unique_ptr<Balancer> first(const Farm& farm, unsigned) {
  return std::make_unique<First>(farm);
}
std::unique_ptr<Balancer> random_draws(const Farm& farm, unsigned workers) {
  return std::make_unique<RandomDraws>(farm, workers, 2);
}
std::unique_ptr<Balancer> key_map(const Farm& farm, unsigned workers) {
  return std::make_unique<KeyMap>(farm, workers);
}
std::unique_ptr<Balancer> consistent(const Farm& farm, unsigned workers) {
  return std::make_unique<ConsistentHash>(farm, workers, 150);
}
std::unique_ptr<Balancer> least_connections(const Farm& farm, unsigned) {
  return std::make_unique<LeastConnections>(farm);
}
using MakeBalancer = std::unique_ptr<Balancer> (*)(const Farm&, unsigned workers);

// A backend in which request n is called n.
struct Backend {
  explicit Backend(std::vector<Sketch> sketches, unsigned workers = 1,
                   MakeBalancer make_balancer = round_robin)
      : farm(make_farm(std::move(sketches))),
        balancer(make_balancer(farm, workers)),
        admission(farm, *balancer) {}

  Admission::Answer ask(std::uint64_t request, int tied_to = kNoServer, const Avoided& avoid = {}) {
    return admission.ask({.request = request, .tied_to = tied_to, .avoid = avoid});
  }
  Admission::Change changes(std::size_t server, Health health) {
    farm[server]->set_health(health);
    balancer->rebuild();
    return admission.grants_after_change();
  }

  Farm farm;
  std::unique_ptr<Balancer> balancer;
  Admission admission;
};

Grant grant(std::uint64_t request, int server) {
  return {.request = request, .server = server};
}

TEST(Admission, AdmitsBelowTheLimitAndQueuesAtIt) {
  Backend backend(Sketches{{.maxconn = 1}, {.maxconn = 1}});
  EXPECT_EQ(backend.ask(1).server, 0);
  EXPECT_EQ(backend.ask(2).server, 1);
  const auto third = backend.ask(3);
  EXPECT_EQ(third.kind, Kind::Queued);
  EXPECT_EQ(third.backend_queue, 1u);
  EXPECT_EQ(third.server_queue, 0u);
  EXPECT_EQ(backend.ask(4).backend_queue, 2u);
  EXPECT_EQ(backend.admission.waiting(), 2u);
}

TEST(Admission, HandsAReleasedSlotToTheOneThatWaitsLongest) {
  Backend backend(Sketches{{.maxconn = 1}});
  backend.ask(1);
  backend.ask(2);
  backend.ask(3);
  EXPECT_EQ(backend.admission.release(0), grant(2, 0));
  EXPECT_EQ(backend.farm[0]->sessions(), 1u);
  EXPECT_EQ(backend.admission.release(0), grant(3, 0));
  EXPECT_EQ(backend.admission.release(0), std::nullopt);
  EXPECT_EQ(backend.farm[0]->sessions(), 0u);
  EXPECT_EQ(backend.admission.waiting(), 0u);
  EXPECT_EQ(backend.admission.peak_waiting(), 2u);
}

TEST(Admission, LetsNobodyOvertakeTheQueue) {
  Backend backend(Sketches{{.maxconn = 1}});
  backend.ask(1);
  backend.ask(2);
  EXPECT_FALSE(backend.admission.try_acquire(0));
  EXPECT_EQ(backend.ask(3).kind, Kind::Queued);
  EXPECT_EQ(backend.admission.release(0)->request, 2u);
  EXPECT_EQ(backend.ask(4).kind, Kind::Queued);
}

TEST(Admission, SaysAtOnceThatThereIsNoServer) {
  Backend backend(Sketches{{}, {.weight = 0}});
  backend.changes(0, Health::Down);
  EXPECT_EQ(backend.ask(1).kind, Kind::NoServer);
}

TEST(Admission, HasNoQueueWithoutALimit) {
  Backend backend(Sketches{{}});
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(backend.ask(i).kind, Kind::Admitted);
  EXPECT_EQ(backend.farm[0]->sessions(), 1000u);
  EXPECT_EQ(backend.farm[0]->peak_sessions(), 1000u);
}

TEST(Admission, RemovesACancelledRequestFromTheMiddle) {
  Backend backend(Sketches{{.maxconn = 1}});
  backend.ask(1);
  backend.ask(2);
  const auto third = backend.ask(3);
  backend.ask(4);
  EXPECT_EQ(backend.admission.cancel(third.ticket), Cancelled::Removed);
  EXPECT_EQ(backend.admission.cancel(third.ticket), Cancelled::Granted);  // no longer queued
  EXPECT_EQ(backend.admission.release(0)->request, 2u);
  EXPECT_EQ(backend.admission.release(0)->request, 4u);
}

TEST(Admission, TellsWhoCancelsTooLateThatAGrantIsOnItsWay) {
  Backend backend(Sketches{{.maxconn = 1}});
  backend.ask(1);
  const auto second = backend.ask(2);
  EXPECT_EQ(backend.admission.release(0), grant(2, 0));
  EXPECT_EQ(backend.admission.cancel(second.ticket), Cancelled::Granted);
  EXPECT_EQ(backend.admission.release(0), std::nullopt);  // what its worker does then
  EXPECT_EQ(backend.farm[0]->sessions(), 0u);
}

TEST(Admission, QueuesTiedRequestsForTheirOwnServer) {
  Backend backend(Sketches{{.maxconn = 1}, {.maxconn = 1}});
  EXPECT_EQ(backend.ask(1, /*tied_to=*/0).server, 0);
  const auto second = backend.ask(2, /*tied_to=*/0);
  EXPECT_EQ(second.kind, Kind::Queued);
  EXPECT_EQ(second.server_queue, 1u);
  EXPECT_EQ(second.backend_queue, 0u);
  EXPECT_EQ(backend.farm[0]->waiting(), 1u);
  EXPECT_EQ(backend.ask(3).server, 1);  // the other server is free for the others
  EXPECT_EQ(backend.admission.release(1), std::nullopt);
  EXPECT_EQ(backend.admission.release(0), grant(2, 0));
}

TEST(Admission, ServesTiedAndUntiedInTheOrderTheyCame) {
  Backend backend(Sketches{{.maxconn = 1}});
  backend.ask(1);
  backend.ask(2);
  backend.ask(3, /*tied_to=*/0);
  backend.ask(4);
  EXPECT_EQ(backend.admission.release(0)->request, 2u);
  EXPECT_EQ(backend.admission.release(0)->request, 3u);
  EXPECT_EQ(backend.admission.release(0)->request, 4u);
}

TEST(Admission, IgnoresATieToAServerThatIsDown) {
  Backend backend(Sketches{{.checked = true}, {}});
  EXPECT_EQ(backend.ask(1, /*tied_to=*/0).server, 1);
}

TEST(Admission, KeepsTiedRequestsOfADrainedServerAndGivesItNoOthers) {
  Backend backend(Sketches{{.weight = 0}, {}});
  EXPECT_EQ(backend.ask(1, /*tied_to=*/0).server, 0);
  EXPECT_EQ(backend.ask(2).server, 1);
  EXPECT_EQ(backend.ask(3).server, 1);
}

TEST(Admission, LetsThoseWhoWaitedForALostServerAskAgainWithTheirPlaceInTime) {
  Backend backend(Sketches{{.maxconn = 1}, {.maxconn = 1}});
  backend.ask(1, 0);
  backend.ask(2, 1);
  const auto third = backend.ask(3, /*tied_to=*/0);
  backend.ask(4);
  const auto fifth = backend.ask(5, /*tied_to=*/0);
  const auto change = backend.changes(0, Health::Down);
  EXPECT_EQ(change.requeued, 2u);
  EXPECT_EQ(change.grants, (std::vector<Grant>{grant(3, kNoServer), grant(5, kNoServer)}));
  EXPECT_EQ(backend.farm[0]->waiting(), 0u);
  EXPECT_EQ(backend.admission.waiting(), 1u);
  backend.admission.ask({.request = 13, .arrival = third.arrival});
  backend.admission.ask({.request = 15, .tied_to = 1, .arrival = fifth.arrival});
  EXPECT_EQ(backend.admission.release(0), std::nullopt);  // a lost server serves nobody
  EXPECT_EQ(backend.admission.release(1), grant(13, 1));
  EXPECT_EQ(backend.admission.release(1), grant(4, 1));
  EXPECT_EQ(backend.admission.release(1), grant(15, 1));
}

TEST(Admission, WhereNobodyServesYetWaitsForTheFirstGoodCheck) {
  Backend backend(Sketches{{.checked = true}, {.checked = true}});
  EXPECT_EQ(backend.ask(1).kind, Kind::Queued);
  EXPECT_EQ(backend.ask(2, /*tied_to=*/1).server_queue, 1u) << "for the one it belongs to";
  EXPECT_EQ(backend.changes(0, Health::Up).grants, std::vector<Grant>{grant(1, 0)});
  EXPECT_EQ(backend.ask(3, /*tied_to=*/1).server, 0) << "somebody serves: as with one that is down";
  EXPECT_EQ(backend.changes(1, Health::Up).grants, std::vector<Grant>{grant(2, 1)});
}

TEST(Admission, WhoWaitedForAFirstGoodCheckIsToldThatThereIsNone) {
  Backend backend(Sketches{{.checked = true}, {.checked = true}});
  backend.ask(1);
  const auto second = backend.ask(2, /*tied_to=*/1);
  EXPECT_TRUE(backend.changes(0, Health::Down).grants.empty());
  EXPECT_EQ(backend.changes(1, Health::Down).grants,
            (std::vector<Grant>{grant(2, kNoServer), grant(1, kNoServer)}));
  const Admission::Ask again{.request = 2, .tied_to = 1, .arrival = second.arrival};
  EXPECT_EQ(backend.admission.ask(again).kind, Kind::NoServer);
  EXPECT_EQ(backend.admission.waiting(), 0u);
}

TEST(Admission, WhoWaitsForASlotStaysWhenTheServersFail) {
  Backend backend(Sketches{{.maxconn = 1}});
  backend.ask(1);
  backend.ask(2);
  EXPECT_TRUE(backend.changes(0, Health::Down).grants.empty()) << "it may come back in time";
  EXPECT_EQ(backend.ask(3).kind, Kind::NoServer);
}

TEST(Admission, GivesTheQueueToAServerThatComesUp) {
  Backend backend(Sketches{{.maxconn = 1}, {.maxconn = 2, .checked = true}});
  backend.ask(1);
  backend.ask(2);
  backend.ask(3);
  backend.ask(4);
  const auto change = backend.changes(1, Health::Up);
  EXPECT_EQ(change.grants, (std::vector<Grant>{grant(2, 1), grant(3, 1)}));
  EXPECT_EQ(backend.admission.waiting(), 1u);
  EXPECT_EQ(backend.farm[1]->sessions(), 2u);
}

TEST(Admission, UsesARaisedLimitAndRespectsALoweredOne) {
  Backend backend(Sketches{{.maxconn = 2}});
  backend.ask(1);
  backend.ask(2);
  backend.ask(3);
  backend.farm[0]->set_maxconn(1);
  EXPECT_TRUE(backend.admission.grants_after_change().grants.empty());
  EXPECT_EQ(backend.admission.release(0), std::nullopt);  // two were there, one may be
  EXPECT_EQ(backend.farm[0]->sessions(), 1u);
  backend.farm[0]->set_maxconn(2);
  EXPECT_EQ(backend.admission.grants_after_change().grants, std::vector<Grant>{grant(3, 0)});
}

TEST(Admission, SendsARetryBackToTheFailedServerOnlyIfThereIsNoOther) {
  Backend backend(Sketches{{.maxconn = 1}, {.maxconn = 1}});
  backend.ask(1);
  backend.ask(2);
  backend.ask(3, kNoServer, /*avoid=*/{0});
  EXPECT_EQ(backend.admission.release(0), std::nullopt);
  EXPECT_EQ(backend.ask(4).server, 0);  // what 3 will not have is free for others
  EXPECT_EQ(backend.admission.release(1), grant(3, 1));
}

TEST(Admission, ServesTheMoreUrgentFirst) {
  Backend backend(Sketches{{.maxconn = 1}});
  backend.ask(1);
  const auto waits = [&](std::uint64_t request, int priority, int tied_to = kNoServer) {
    const auto answer =
        backend.admission.ask({.request = request, .tied_to = tied_to, .priority = priority});
    return tied_to == kNoServer ? answer.backend_queue : answer.server_queue;
  };
  EXPECT_EQ(waits(2, 0), 1u);
  EXPECT_EQ(waits(3, 0), 2u);
  EXPECT_EQ(waits(4, -5), 1u);  // before both
  EXPECT_EQ(waits(5, 7), 4u);
  EXPECT_EQ(waits(6, -5), 2u);  // among equals who came first
  EXPECT_EQ(waits(7, -5, /*tied_to=*/0), 1u);  // another lane, the same order
  EXPECT_EQ(waits(8, -6, /*tied_to=*/0), 1u);
  for (const std::uint64_t next : {8, 4, 6, 7, 2, 3, 5})
    EXPECT_EQ(backend.admission.release(0), grant(next, 0));
}

TEST(Admission, TurnsAwayWhoFindsTheBackendsQueueFull) {
  Backend backend(Sketches{{.maxconn = 1}, {.maxconn = 1}});
  backend.admission.set_limits({.max_queue = 2});
  for (std::uint64_t request = 1; request <= 3; ++request) backend.ask(request);
  EXPECT_EQ(backend.ask(4, /*tied_to=*/1).kind, Kind::Queued);
  EXPECT_EQ(backend.ask(5).kind, Kind::QueueFull);
  EXPECT_EQ(backend.admission.waiting(), 2u);
  EXPECT_EQ(backend.admission.release(0), grant(3, 0));
  EXPECT_EQ(backend.ask(6).kind, Kind::Queued);
}

TEST(Admission, SendsTheTiedElsewhereOnceTheirServersQueueIsFull) {
  Backend backend(Sketches{{.maxconn = 1, .max_queue = 1}, {.maxconn = 1}});
  EXPECT_EQ(backend.ask(1, /*tied_to=*/0).server, 0);
  EXPECT_EQ(backend.ask(2, /*tied_to=*/0).server_queue, 1u);
  EXPECT_EQ(backend.ask(3, /*tied_to=*/0).server, 1);
  EXPECT_EQ(backend.ask(4, /*tied_to=*/0).backend_queue, 1u);  // the first that comes free
}

// minconn 2, maxconn 10, full at 20: the limit is half of what is under way or waits.
TEST(Admission, LetsTheLimitFollowTheDemand) {
  Backend backend(Sketches{{.maxconn = 10, .minconn = 2}});
  backend.admission.set_limits({.full_conn = 20});
  ASSERT_TRUE(backend.admission.grants_after_change().grants.empty());
  std::vector<Grant> granted;
  const auto surplus = [&] {
    while (const auto given = backend.admission.surplus()) granted.push_back(*given);
  };
  for (std::uint64_t request = 1; request <= 30; ++request) {
    backend.ask(request);
    surplus();
    const auto limit = std::clamp<std::uint64_t>(request / 2, 2, 10);
    EXPECT_EQ(backend.farm[0]->sessions(), std::min(request, limit)) << request;
  }
  EXPECT_EQ(granted.size(), 8u);
  // As they leave it goes down again, and whoever waits is served whenever the limit has room.
  for (int left = 29; left >= 0; --left) {
    if (const auto given = backend.admission.release(0)) granted.push_back(*given);
    surplus();
    EXPECT_LE(backend.farm[0]->sessions(), 10u);
    EXPECT_EQ(backend.farm[0]->sessions() + backend.admission.waiting(),
              static_cast<std::uint32_t>(left));
    EXPECT_TRUE(left == 0 || backend.farm[0]->sessions() > 0) << left;
  }
  EXPECT_EQ(granted.size(), 28u);  // all that waited, in the order they came
  for (std::size_t i = 0; i < granted.size(); ++i) EXPECT_EQ(granted[i].request, i + 3);
}

TEST(Admission, GoesBackToMaxconnWhenMinconnIsGone) {
  Backend backend(Sketches{{.maxconn = 10, .minconn = 1}});
  backend.admission.set_limits({.full_conn = 100});
  (void)backend.admission.grants_after_change();
  backend.ask(1);
  EXPECT_EQ(backend.farm[0]->limit(), 1u);
  backend.farm[0]->set_minconn(0);
  (void)backend.admission.grants_after_change();
  EXPECT_EQ(backend.farm[0]->limit(), 10u);
}

class AdmissionRace : public testing::TestWithParam<MakeBalancer> {};
INSTANTIATE_TEST_SUITE_P(Balancers, AdmissionRace,
                         testing::Values(round_robin, least_connections, first, random_draws,
                                         key_map, consistent));

// Many threads, each a worker with a mailbox: a limit of 32 is never exceeded, no slot and no
// request is lost, whoever gives up when.
TEST_P(AdmissionRace, NeverSeesThirtyThreeAndLosesNothing) {
  constexpr unsigned kWorkers = 4;
  constexpr std::uint64_t kRequests = 5000;  // of each worker
  Backend backend(Sketches{{.maxconn = 32}, {.maxconn = 3}}, kWorkers, GetParam());
  struct Mailbox {
    std::mutex mutex;
    std::deque<Grant> grants;
  };
  std::array<Mailbox, kWorkers> mailboxes;
  std::array<std::atomic<int>, 2> inside{};
  std::atomic<bool> exceeded = false;
  std::atomic<std::uint64_t> served = 0, abandoned = 0;
  std::atomic<unsigned> busy = kWorkers;
  const std::array<int, 2> limits = {32, 3};

  const auto post = [&](const std::optional<Grant>& given) {
    if (!given) return;
    const std::lock_guard lock(mailboxes[given->worker].mutex);
    mailboxes[given->worker].grants.push_back(*given);
  };
  const auto run = [&](unsigned worker) {
    std::mt19937 random(worker);
    std::vector<int> running;                           // servers of the requests under way
    std::vector<Admission::Ticket> tickets(kRequests);  // 0: not waiting
    std::uint64_t next = 0, waiting = 0;
    const auto enter = [&](int server) {
      const auto s = static_cast<std::size_t>(server);
      if (++inside[s] > limits[s]) exceeded = true;
      running.push_back(server);
    };
    const auto leave = [&](std::size_t which) {
      const int server = running[which];
      running[which] = running.back();
      running.pop_back();
      --inside[static_cast<std::size_t>(server)];
      ++served;
      post(backend.admission.release(server));
    };
    const auto read_mail = [&] {
      std::deque<Grant> grants;
      {
        const std::lock_guard lock(mailboxes[worker].mutex);
        grants.swap(mailboxes[worker].grants);
      }
      for (const Grant& given : grants) {
        if (tickets[given.request] == 0) {  // gave up meanwhile
          post(backend.admission.release(given.server));
          continue;
        }
        tickets[given.request] = 0;
        --waiting;
        enter(given.server);
      }
    };
    while (next < kRequests || !running.empty() || waiting > 0) {
      read_mail();
      if (next < kRequests && running.size() + waiting < 60) {
        const std::uint64_t request = next++;
        const int tied_to = random() % 4 == 0 ? static_cast<int>(random() % 2) : kNoServer;
        const auto answer =
            backend.admission.ask({.worker = worker,
                                   .request = request,
                                   .tied_to = tied_to,
                                   .key = mix(request)});
        if (answer.kind == Kind::Admitted) {
          enter(answer.server);
        } else {
          tickets[request] = answer.ticket;
          ++waiting;
          if (random() % 8 == 0) {
            // Whether removed or granted meanwhile: we no longer wait.
            (void)backend.admission.cancel(answer.ticket);
            tickets[request] = 0;
            --waiting;
            ++abandoned;
          }
        }
      }
      if (!running.empty() && random() % 2 == 0) leave(random() % running.size());
    }
    --busy;
    while (busy > 0) {  // somebody may still grant us what we gave up
      read_mail();
      std::this_thread::yield();
    }
    read_mail();
  };
  {
    std::vector<std::jthread> workers;
    for (unsigned worker = 0; worker < kWorkers; ++worker) workers.emplace_back(run, worker);
  }
  for (auto& mailbox : mailboxes)
    for (const Grant& given : mailbox.grants) post(backend.admission.release(given.server));
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(served + abandoned, kWorkers * kRequests);
  EXPECT_EQ(backend.admission.waiting(), 0u);
  EXPECT_EQ(backend.farm[0]->sessions(), 0u);
  EXPECT_EQ(backend.farm[1]->sessions(), 0u);
  EXPECT_EQ(backend.farm[0]->waiting(), 0u);
  EXPECT_LE(backend.farm[0]->peak_sessions(), 32u);
}

// The same, with limits that follow the demand, priorities, and a main thread that changes health,
// warmth and maxconn meanwhile.
TEST_P(AdmissionRace, LosesNothingWhileServersChange) {
  constexpr unsigned kWorkers = 3;
  constexpr std::uint64_t kRequests = 600;  // of each worker
  Backend backend(Sketches{{.maxconn = 16, .minconn = 2, .max_queue = 20}, {.maxconn = 3}, {.maxconn = 2, .backup = true}},
                  kWorkers, GetParam());
  backend.admission.set_limits({.full_conn = 30});
  struct Mailbox {
    std::mutex mutex;
    std::deque<Grant> grants;
  };
  std::array<Mailbox, kWorkers> mailboxes;
  std::array<std::atomic<int>, 3> inside{};
  const std::array<int, 3> limits = {16, 3, 2};
  std::atomic<bool> exceeded = false;
  std::atomic<std::uint64_t> served = 0, none = 0;
  std::atomic<unsigned> busy = kWorkers;
  const auto post = [&](const std::optional<Grant>& given) {
    if (!given) return;
    const std::lock_guard lock(mailboxes[given->worker].mutex);
    mailboxes[given->worker].grants.push_back(*given);
  };
  const auto post_surplus = [&] {
    while (const auto given = backend.admission.surplus()) post(given);
  };
  const auto run = [&](unsigned worker) {
    std::mt19937 random(worker);
    std::vector<int> running;
    std::uint64_t next = 0, waiting = 0;
    std::vector<std::uint64_t> arrivals(kRequests);
    const auto enter = [&](int server) {
      const auto s = static_cast<std::size_t>(server);
      if (++inside[s] > limits[s]) exceeded = true;
      running.push_back(server);
    };
    const auto ask = [&](std::uint64_t request) {
      const int tied_to = random() % 4 == 0 ? static_cast<int>(random() % 2) : kNoServer;
      const auto answer = backend.admission.ask({.worker = worker,
                                                 .request = request,
                                                 .tied_to = tied_to,
                                                 .key = mix(request),
                                                 .priority = static_cast<int>(random() % 3),
                                                 .arrival = arrivals[request]});
      post_surplus();
      arrivals[request] = answer.arrival;
      if (answer.kind == Kind::Admitted) enter(answer.server);
      if (answer.kind == Kind::Queued) ++waiting;
      if (answer.kind == Kind::NoServer) ++none;
    };
    while (next < kRequests || !running.empty() || waiting > 0) {
      std::deque<Grant> grants;
      {
        const std::lock_guard lock(mailboxes[worker].mutex);
        grants.swap(mailboxes[worker].grants);
      }
      for (const Grant& given : grants) {
        --waiting;
        if (given.server == kNoServer) ask(given.request);
        else enter(given.server);
      }
      if (next < kRequests && running.size() + waiting < 20) ask(next++);
      if (!running.empty() && random() % 2 == 0) {
        const std::size_t which = random() % running.size();
        const int server = running[which];
        running[which] = running.back();
        running.pop_back();
        --inside[static_cast<std::size_t>(server)];
        ++served;
        post(backend.admission.release(server));
        post_surplus();
      } else {
        std::this_thread::yield();
      }
    }
    --busy;
  };
  {
    std::vector<std::jthread> workers;
    for (unsigned worker = 0; worker < kWorkers; ++worker) workers.emplace_back(run, worker);
    std::mt19937 random(99);
    const auto settle = [&] {
      backend.balancer->rebuild();
      for (const Grant& given : backend.admission.grants_after_change().grants) post(given);
    };
    while (busy > 0) {
      Server& server = *backend.farm[random() % 2];
      switch (random() % 3) {
        case 0: server.set_health(random() % 2 ? Health::Down : Health::Up); break;
        case 1: server.set_warmth(1 + static_cast<unsigned>(random() % Server::kWarm)); break;
        case 2: server.set_maxconn(1 + static_cast<unsigned>(random() % 3)); break;
      }
      settle();
      std::this_thread::yield();
    }
  }
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(none, 0u);  // the backup is always there
  EXPECT_EQ(served, kWorkers * kRequests);
  EXPECT_EQ(backend.admission.waiting(), 0u);
  for (const auto& server : backend.farm) {
    EXPECT_EQ(server->sessions(), 0u);
    EXPECT_EQ(server->waiting(), 0u);
  }
}

// Two threads that go on together, step by step.
struct Meeting {
  void operator()(std::size_t who, int step) {
    arrived[who] = step;
    for (int spins = 0; arrived[1 - who] < step; ++spins)
      if (spins > 1000) std::this_thread::yield();
  }
  std::array<std::atomic<int>, 2> arrived{};
};

// Eleven are there, five of them let in. Each of two that leave at once must heed that the other has gone: of nine, four
// are let in.
TEST(Admission, LowersTheLimitForBothOfTwoThatLeaveAtOnce) {
  constexpr int kRounds = 20000;
  Backend backend(Sketches{{.maxconn = 10, .minconn = 2}}, 2);
  backend.admission.set_limits({.full_conn = 20});
  ASSERT_TRUE(backend.admission.grants_after_change().grants.empty());
  const auto leave = [&] {
    (void)backend.admission.release(0);
    while (backend.admission.surplus()) {
    }
  };
  Meeting meet;
  std::jthread other([&] {
    for (int round = 0; round < kRounds; ++round) {
      meet(1, 2 * round + 1);
      leave();
      meet(1, 2 * round + 2);
    }
  });
  int too_many = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (std::uint64_t request = 1; request <= 11; ++request) {
      backend.ask(request);
      while (backend.admission.surplus()) {
      }
    }
    meet(0, 2 * round + 1);
    leave();
    meet(0, 2 * round + 2);
    too_many += backend.farm[0]->sessions() != 4;
    while (backend.farm[0]->sessions() > 0) leave();
  }
  EXPECT_EQ(too_many, 0);
  EXPECT_EQ(backend.admission.waiting(), 0u);
}

// The last release against the first wait, over and over: one of them must see the other.
TEST_P(AdmissionRace, NeverLeavesARequestWaitingForAFreeServer) {
  constexpr int kRounds = 20000;
  Backend backend(Sketches{{.maxconn = 1}}, 2, GetParam());
  Meeting meet;
  Admission::Answer answer;
  std::jthread asker([&] {
    for (int round = 0; round < kRounds; ++round) {
      meet(1, 2 * round + 1);
      answer = backend.admission.ask({.worker = 1, .request = 2});
      meet(1, 2 * round + 2);
    }
  });
  int lost = 0;
  for (int round = 0; round < kRounds; ++round) {
    backend.ask(1);
    meet(0, 2 * round + 1);
    // Asking takes longer than releasing: sweep the release over the whole of it.
    for (std::atomic<int> spins = 0; spins < round % 400; ++spins) {
    }
    const auto given = backend.admission.release(0);
    meet(0, 2 * round + 2);
    if (answer.kind != Kind::Admitted && given != Grant{1, 2, 0}) {
      ++lost;
      backend.admission.cancel(answer.ticket);
    } else if (backend.admission.release(0)) {
      ++lost;
    }
  }
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(backend.farm[0]->sessions(), 0u);
}

}  // namespace
}  // namespace hapair::balance
