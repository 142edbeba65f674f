#include "proxy/health/observation.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace hapair::health {
namespace {

constexpr Evidence kAll[] = {Evidence::Connected,      Evidence::ConnectFailed,
                             Evidence::GoodResponse,   Evidence::WrongStatus,
                             Evidence::InvalidHead,    Evidence::InvalidBody,
                             Evidence::NoAnswerInTime, Evidence::ClosedUnanswered};

TEST(Observation, NothingCountsWhereNobodyLooks) {
  for (const Evidence evidence : kAll)
    EXPECT_EQ(speaks_for(evidence, Observed::Nothing), std::nullopt);
}

TEST(Observation, Layer4LooksAtConnectionsAlone) {
  for (const Evidence evidence : kAll) {
    const auto expected = evidence == Evidence::Connected       ? std::optional(true)
                          : evidence == Evidence::ConnectFailed ? std::optional(false)
                                                                : std::nullopt;
    EXPECT_EQ(speaks_for(evidence, Observed::Layer4), expected);
  }
}

TEST(Observation, OnLayer7OnlyAGoodResponseSpeaksForAServer) {
  for (const Evidence evidence : kAll) {
    const auto expected = evidence == Evidence::Connected      ? std::nullopt
                          : evidence == Evidence::GoodResponse ? std::optional(true)
                                                               : std::optional(false);
    EXPECT_EQ(speaks_for(evidence, Observed::Layer7), expected);
  }
}

TEST(Observation, ServersErrorsAreThoseOf500ExceptWhatClientsProvoke) {
  for (const int good : {100, 101, 200, 204, 301, 404, 429, 499, 501, 505})
    EXPECT_EQ(evidence_of(good), Evidence::GoodResponse) << good;
  for (const int bad : {500, 502, 503, 504, 506, 599, 999})
    EXPECT_EQ(evidence_of(bad), Evidence::WrongStatus) << bad;
}

TEST(Observation, IsToldInHaproxysWords) {
  EXPECT_EQ(describe_errors(3, Evidence::WrongStatus),
            "Detected 3 consecutive errors, last one was: Wrong http response");
  EXPECT_EQ(describe_errors(10, Evidence::ConnectFailed),
            "Detected 10 consecutive errors, last one was: L4 unsuccessful connection");
}

TEST(ErrorStreak, EndsAtItsLimitAndBeginsAnew) {
  ErrorStreak streak;
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(streak.on_error(3));
    EXPECT_FALSE(streak.on_error(3));
    EXPECT_TRUE(streak.on_error(3));
  }
}

TEST(ErrorStreak, OneSuccessForgivesAll) {
  ErrorStreak streak;
  streak.on_error(3);
  streak.on_error(3);
  streak.on_success();
  EXPECT_FALSE(streak.on_error(3));
  EXPECT_FALSE(streak.on_error(3));
  EXPECT_TRUE(streak.on_error(3));
}

TEST(ErrorStreak, ALimitThatWasLoweredIsReachedByTheNext) {
  ErrorStreak streak;
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(streak.on_error(10));
  EXPECT_TRUE(streak.on_error(5));
}

TEST(ErrorStreak, TellsOneOfManyWorkersEachTime) {
  ErrorStreak streak;
  std::atomic<int> told = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i)
    workers.emplace_back([&] {
      for (int error = 0; error < 10'000; ++error) told += streak.on_error(10) ? 1 : 0;
    });
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(told, 4'000);
}

}  // namespace
}  // namespace hapair::health
