#include "proxy/exchange/retry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "proxy/exchange/retry_budget.h"

namespace hapair::exchange {
namespace {

using namespace std::chrono_literals;
using http::Method;
using proxy::RetryRules;
using Next = Retry::Next;

constexpr TimePoint t0{1000s};

TEST(Retry, GoesToAnotherServerAtOnceWhenNothingTiesTheRequest) {
  const RetryRules rules{.attempts = 2};
  Retry retry(rules);
  EXPECT_EQ(retry.on_failure(/*tied=*/false, /*others=*/1, 5s).next, Next::OtherServer);
  EXPECT_EQ(retry.on_failure(false, 1, 5s).pause, Duration::zero());
  EXPECT_EQ(retry.on_failure(false, 1, 5s).next, Next::GiveUp);
  EXPECT_EQ(retry.attempts_repeated(), 2u);
}

TEST(Retry, StaysWithTheServerThatARequestIsTiedToUntilTheLastAttempt) {
  const RetryRules rules{.attempts = 3};
  Retry retry(rules);
  const auto first = retry.on_failure(/*tied=*/true, 1, 500ms);
  EXPECT_EQ(first.next, Next::SameServer);
  EXPECT_EQ(first.pause, 500ms);
  EXPECT_EQ(retry.on_failure(true, 1, 500ms).next, Next::SameServer);
  EXPECT_EQ(retry.on_failure(true, 1, 500ms).next, Next::OtherServer);
}

TEST(Retry, ChoosesAgainForTheLastAttemptWhereItMay) {
  const RetryRules fixed{.attempts = 1, .redispatch = false}, free{.attempts = 2};
  Retry stays(fixed), moves(free);
  stays.on_failure(false, /*others=*/0, 1s);
  EXPECT_FALSE(stays.has_chosen_again());
  moves.on_failure(false, 0, 1s);
  EXPECT_FALSE(moves.has_chosen_again());
  moves.on_failure(false, 0, 1s);
  EXPECT_TRUE(moves.has_chosen_again());
}

TEST(Retry, StaysWhereItMayNotMoveOrCannot) {
  const RetryRules fixed{.attempts = 1, .redispatch = false}, free{.attempts = 1};
  EXPECT_EQ(Retry(fixed).on_failure(false, 5, 0s).next, Next::SameServer);
  EXPECT_EQ(Retry(fixed).on_failure(false, 5, 0s).pause, 1s);
  EXPECT_EQ(Retry(free).on_failure(false, 0, 0s).next, Next::SameServer);
}

TEST(Retry, SendsAgainOnlyWhatDoesNoHarmTwice) {
  RetryRules rules{.empty_response = true, .statuses = {503}};
  for (const Method method : {Method::Get, Method::Head, Method::Put, Method::Delete}) {
    EXPECT_TRUE(is_retryable(rules, ResponseFailure::Empty, method));
    EXPECT_TRUE(is_retryable(rules, 503, method));
  }
  for (const Method method : {Method::Post, Method::Connect, Method::Other}) {
    EXPECT_FALSE(is_retryable(rules, ResponseFailure::Empty, method));
    EXPECT_FALSE(is_retryable(rules, 503, method));
  }
  rules.any_method = true;
  EXPECT_TRUE(is_retryable(rules, 503, Method::Post));
}

TEST(Retry, HeedsOnlyTheCausesThatAreNamed) {
  const RetryRules junk{.junk_response = true};
  EXPECT_TRUE(is_retryable(junk, ResponseFailure::Junk, Method::Get));
  EXPECT_FALSE(is_retryable(junk, ResponseFailure::Empty, Method::Get));
  EXPECT_FALSE(is_retryable(junk, ResponseFailure::Timeout, Method::Get));
  EXPECT_FALSE(is_retryable(junk, 500, Method::Get));
}

TEST(RetryBudget, AllowsAShareOfTheRequests) {
  RetryBudget budget({.percent = 20, .per_second = 0}, t0);
  unsigned retries = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    budget.on_request();
    retries += budget.spend(t0) ? 1 : 0;
  }
  EXPECT_EQ(retries, 200u);
}

TEST(RetryBudget, AlwaysAllowsSomeEverySecond) {
  RetryBudget budget({.percent = 0, .per_second = 5}, t0);
  const auto spent_at = [&](TimePoint now) {
    unsigned retries = 0;
    while (budget.spend(now)) ++retries;
    return retries;
  };
  EXPECT_EQ(spent_at(t0), 5u);
  EXPECT_EQ(spent_at(t0 + 200ms), 1u);
  EXPECT_EQ(spent_at(t0 + 1200ms), 5u);
  EXPECT_EQ(spent_at(t0 + 1h), 5u);  // nothing is saved up
}

TEST(RetryBudget, SavesLittleInAQuietTime) {
  RetryBudget budget({.percent = 20, .per_second = 0}, t0);
  for (unsigned i = 0; i < 100'000; ++i) budget.on_request();
  unsigned retries = 0;
  while (budget.spend(t0)) ++retries;
  EXPECT_EQ(retries, 10u);
}

TEST(RetryBudget, IsOneForAllWhoUseIt) {
  constexpr unsigned kThreads = 4, kTries = 20'000;
  RetryBudget budget({.percent = 20, .per_second = 5}, t0);
  std::atomic<unsigned> retries = 0;
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < kThreads; ++i)
    workers.emplace_back([&] {
      for (unsigned n = 1; n <= kTries; ++n) {
        budget.on_request();
        retries += budget.spend(t0 + n * 1s / kTries) ? 1 : 0;
      }
    });
  for (std::thread& worker : workers) worker.join();
  // A fifth of all, five at once and five of the second that went by; what requests pay in while
  // the account is full is lost.
  EXPECT_GE(retries, kThreads * kTries / 5 - 10);
  EXPECT_LE(retries, kThreads * kTries / 5 + 10);
}

TEST(RetryBudget, HasNoEndWhereNoneIsSet) {
  RetryBudget budget({.limited = false}, t0);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(budget.spend(t0));
}

TEST(RetryBudget, MayBeNothing) {
  RetryBudget budget({.percent = 0, .per_second = 0}, t0);
  budget.on_request();
  EXPECT_FALSE(budget.spend(t0 + 1h));
}

}  // namespace
}  // namespace hapair::exchange
