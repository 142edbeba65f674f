// One admission follows another over the same servers, as a reload makes it.
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "farm.h"
#include "proxy/balance/admission.h"
#include "proxy/balance/round_robin.h"

namespace hapair::balance {
namespace {

using Kind = Admission::Answer::Kind;

struct State {
  explicit State(Farm servers) : farm(std::move(servers)), balancer(farm, 1), admission(farm, balancer) {}
  Admission::Answer ask(std::uint64_t request, std::uint64_t arrival = 0) {
    return admission.ask({.request = request, .arrival = arrival});
  }
  Farm farm;
  RoundRobin balancer;
  Admission admission;
};

TEST(Succession, ALimitHoldsAcrossBoth) {
  State before(make_farm({{.maxconn = 1}}));
  ASSERT_EQ(before.ask(1).kind, Kind::Admitted);
  State after(before.farm);
  after.admission.continue_from(before.admission);
  EXPECT_EQ(after.ask(2).kind, Kind::Queued);
}

TEST(Succession, ASlotTakenBeforeGoesToWhoWaitsAfterwards) {
  State before(make_farm({{.maxconn = 1}}));
  ASSERT_EQ(before.ask(1).kind, Kind::Admitted);
  State after(before.farm);
  after.admission.continue_from(before.admission);
  ASSERT_EQ(after.ask(2).kind, Kind::Queued);
  EXPECT_EQ(after.admission.release(0), (Grant{0, 2, 0}));
  EXPECT_EQ(after.farm[0]->sessions(), 1u);
}

TEST(Succession, WhoWaitedBeforeComesBeforeWhoCameAfterwards) {
  State before(make_farm({{.maxconn = 1}}));
  ASSERT_EQ(before.ask(1).kind, Kind::Admitted);
  const auto second = before.ask(2), third = before.ask(3);
  State after(before.farm);
  after.admission.continue_from(before.admission);
  ASSERT_EQ(after.ask(4).kind, Kind::Queued);  // another worker was faster
  const auto late = before.ask(5);             // and another did not know yet
  for (const auto& [request, answer] : {std::pair(3, third), std::pair(2, second), std::pair(5, late)}) {
    ASSERT_EQ(before.admission.cancel(answer.ticket), Admission::Cancelled::Removed);
    ASSERT_EQ(after.ask(static_cast<std::uint64_t>(request), answer.arrival).kind, Kind::Queued);
  }
  EXPECT_EQ(before.admission.waiting(), 0u);
  for (const std::uint64_t request : {2u, 3u, 5u, 4u})
    EXPECT_EQ(after.admission.release(0), (Grant{0, request, 0}));
}

TEST(Succession, ASlotGivenBackBeforeEverybodyIsOverIsFoundWhenTheyAre) {
  State before(make_farm({{.maxconn = 1}}));
  ASSERT_EQ(before.ask(1).kind, Kind::Admitted);
  State after(before.farm);
  after.admission.continue_from(before.admission);
  ASSERT_EQ(after.ask(2).kind, Kind::Queued);
  EXPECT_EQ(before.admission.release(0), std::nullopt);  // its worker does not know of the other yet
  EXPECT_EQ(after.admission.grants_after_change().grants, (std::vector<Grant>{{0, 2, 0}}));
}

TEST(Succession, ALowerLimitIsReachedAsSlotsComeBack) {
  State before(make_farm({{.maxconn = 3}}));
  for (std::uint64_t request = 1; request <= 3; ++request)
    ASSERT_EQ(before.ask(request).kind, Kind::Admitted);
  before.farm[0]->reconfigure({.name = "a", .maxconn = 1});
  State after(before.farm);
  after.admission.continue_from(before.admission);
  ASSERT_EQ(after.ask(4).kind, Kind::Queued);
  EXPECT_EQ(after.admission.release(0), std::nullopt);
  EXPECT_EQ(after.admission.release(0), std::nullopt);
  EXPECT_EQ(after.farm[0]->sessions(), 1u);
  EXPECT_EQ(after.admission.release(0), (Grant{0, 4, 0}));
}

}  // namespace
}  // namespace hapair::balance
