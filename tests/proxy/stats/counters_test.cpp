#include "proxy/stats/counters.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace hapair::stats {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint t0{1000s};

TEST(EventRate, IsTheNumberOfTheLastSecond) {
  EventRate rate;
  EXPECT_EQ(rate.per_second(t0), 0u);
  for (int i = 0; i < 50; ++i) rate.count(t0 + i * 20ms);
  EXPECT_EQ(rate.per_second(t0 + 990ms), 50u);
  EXPECT_EQ(rate.per_second(t0 + 1s), 50u);
  EXPECT_EQ(rate.per_second(t0 + 1500ms), 25u);  // half of it is more than a second ago
  EXPECT_EQ(rate.per_second(t0 + 2s), 0u);
}

TEST(EventRate, StaysLevelWhenEventsAreSteady) {
  EventRate rate;
  for (int i = 0; i < 500; ++i) {
    const TimePoint now = t0 + i * 10ms;
    rate.count(now);
    if (i > 100) {
      ASSERT_NEAR(static_cast<double>(rate.per_second(now)), 100, 1) << i;
    }
  }
  EXPECT_EQ(rate.peak(), 100u);
}

TEST(EventRate, ForgetsAfterASilence) {
  EventRate rate;
  rate.count(t0, 1000);
  rate.count(t0 + 10s);
  EXPECT_EQ(rate.per_second(t0 + 10s), 1u);
  EXPECT_EQ(rate.peak(), 1000u);
}

TEST(SlidingAverage, IsTheMeanOfFewAndFollowsTheLatestOfMany) {
  SlidingAverage average;
  average.add(10);
  average.add(20);
  AverageTotal two;
  two.add(average);
  EXPECT_EQ(two.value(), 15u);
  for (int i = 0; i < 20000; ++i) average.add(100);
  AverageTotal many;
  many.add(average);
  EXPECT_NEAR(static_cast<double>(many.value()), 100, 1);
  EXPECT_EQ(many.peak, 100u);
}

TEST(SlidingAverage, ComesBackToZero) {
  SlidingAverage average;
  for (int i = 0; i < 2000; ++i) average.add(50);
  for (int i = 0; i < 20000; ++i) average.add(0);
  AverageTotal total;
  total.add(average);
  EXPECT_EQ(total.value(), 0u);
}

TEST(SlidingAverage, WeighsWorkersByTheirWork) {
  SlidingAverage busy, idle;
  for (int i = 0; i < 99; ++i) busy.add(10);
  idle.add(1010);
  AverageTotal total;
  total.add(busy);
  total.add(idle);
  EXPECT_EQ(total.value(), 20u);
}

TEST(Gauge, KnowsThePeakOfAllThreads) {
  Gauge gauge;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int round = 0; round < 10000; ++round) {
          gauge.enter();
          gauge.leave();
        }
        gauge.enter();
      });
  }
  EXPECT_EQ(gauge.current(), 4u);
  EXPECT_EQ(gauge.peak(), 4u);
}

TEST(Totals, SumOverWorkers) {
  std::vector<ServerCounters> workers(2);
  workers[0].on_session(t0);
  workers[1].on_session(t0 + 3s);
  workers[1].on_session(t0 + 3s);
  workers[0].bytes_out.add(100);
  workers[1].bytes_out.add(23);
  workers[0].responses.count(200);
  workers[1].responses.count(503);
  workers[1].responses.count(999);
  ServerTotals totals;
  for (const auto& worker : workers) totals.add(worker, t0 + 3s);
  EXPECT_EQ(totals.sessions, 3u);
  EXPECT_EQ(totals.bytes_out, 123u);
  EXPECT_EQ(totals.session_rate, 2u);
  EXPECT_EQ(totals.responses, (std::array<std::uint64_t, 6>{1, 0, 1, 0, 0, 1}));
  EXPECT_EQ(totals.last_session_second, 1003);
}

}  // namespace
}  // namespace hapair::stats
