#include "proxy/balance/first.h"

#include <gtest/gtest.h>

#include "farm.h"
#include "picks.h"
#include "proxy/balance/admission.h"

namespace hapair::balance {
namespace {

struct Backend {
  explicit Backend(std::vector<Sketch> sketches)
      : farm(make_farm(std::move(sketches))), balancer(farm), admission(farm, balancer) {}

  std::string hold(int count, Admission::Ask ask = {}) {
    std::string letters;
    for (int i = 0; i < count; ++i) letters += letter_of(admission.ask(ask).server);
    return letters;
  }

  Farm farm;
  First balancer;
  Admission admission;
};

TEST(First, FillsOneServerAfterTheOther) {
  Backend backend({{.maxconn = 3}, {.weight = 100, .maxconn = 2}, {.maxconn = 2}});
  EXPECT_EQ(backend.hold(8), "aaabbcc-");
}

TEST(First, GoesBackToTheFirstThatHasRoomAgain) {
  Backend backend({{.maxconn = 2}, {.maxconn = 2}, {}});
  EXPECT_EQ(backend.hold(5), "aabbc");
  (void)backend.admission.release(1);
  (void)backend.admission.release(0);
  EXPECT_EQ(backend.hold(3), "abc");
}

TEST(First, LeavesADownServerAtOnceAndReturnsToIt) {
  Backend backend({{}, {}});
  EXPECT_EQ(backend.hold(2), "aa");
  backend.farm[0]->set_health(Health::Down);
  EXPECT_EQ(backend.hold(2), "bb");
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(2), "bb");
  backend.farm[0]->set_health(Health::Up);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(2), "aa");
}

TEST(First, AvoidsTheServerThatFailedUnlessItIsTheOnlyOne) {
  Backend backend({{}, {.checked = true}, {}});
  EXPECT_EQ(backend.hold(2, {.avoid = {0}}), "cc");
  backend.farm[2]->set_health(Health::Down);
  backend.balancer.rebuild();
  EXPECT_EQ(backend.hold(2, {.avoid = {0}}), "aa");
}

TEST(First, PassesOverEveryServerThatFailedAndThenBeginsWithTheOldestFailure) {
  Backend backend({{}, {}, {}});
  EXPECT_EQ(backend.hold(2, {.avoid = {0, 1}}), "cc");
  EXPECT_EQ(backend.hold(2, {.avoid = {1, 0, 2}}), "bb");
}

TEST(First, FindsTheLastOfAThousand) {
  Backend backend(std::vector<Sketch>(1000, Sketch{.maxconn = 1}));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(backend.admission.ask({}).server, i);
  (void)backend.admission.release(999);
  EXPECT_EQ(backend.admission.ask({}).server, 999);
}

}  // namespace
}  // namespace hapair::balance
