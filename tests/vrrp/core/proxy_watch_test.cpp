#include "vrrp/core/proxy_watch.h"

#include <gtest/gtest.h>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using State = HealthMessage::State;

constexpr TimePoint t0{1000s};

HealthMessage beat(State state = State::Serving, std::vector<std::string> unserved = {}) {
  return {.state = state, .interval = 100ms, .unserved = std::move(unserved)};
}

TEST(ProxyWatch, KnowsNothingBeforeItTriedToConnect) {
  ProxyWatch watch({});
  EXPECT_EQ(watch.verdict(), Verdict::Unknown);
  watch.on_disconnected();
  EXPECT_EQ(watch.verdict(), Verdict::Bad);
  EXPECT_EQ(watch.trouble(), "the proxy is not running");
}

TEST(ProxyWatch, BelievesAProxyOnlyWhenItSaysThatItServes) {
  ProxyWatch watch({});
  watch.on_connected(t0);
  EXPECT_EQ(watch.verdict(), Verdict::Bad);
  watch.on_message(beat(State::Starting), t0);
  EXPECT_EQ(watch.verdict(), Verdict::Bad);
  EXPECT_EQ(watch.trouble(), "the proxy has not judged its servers yet");
  watch.on_message(beat(), t0 + 100ms);
  EXPECT_EQ(watch.verdict(), Verdict::Good);
  EXPECT_EQ(watch.trouble(), "");
}

TEST(ProxyWatch, KnowsADeadProxyAtOnceAndAHungOneAfterThreeMissedBeats) {
  ProxyWatch watch({});
  watch.on_connected(t0);
  watch.on_message(beat(), t0);
  for (const Duration missed : {150ms, 250ms}) {
    EXPECT_EQ(watch.deadline(), t0 + missed);
    watch.on_deadline(t0 + missed);
    EXPECT_EQ(watch.verdict(), Verdict::Good);
  }
  watch.on_deadline(t0 + 350ms);
  EXPECT_EQ(watch.verdict(), Verdict::Bad);
  EXPECT_EQ(watch.trouble(), "the proxy is hung: no heartbeat for 350ms");
  watch.on_message(beat(), t0 + 900ms);
  EXPECT_EQ(watch.verdict(), Verdict::Good) << "it goes on";
  watch.on_disconnected();
  EXPECT_EQ(watch.verdict(), Verdict::Bad);
  EXPECT_EQ(watch.deadline(), kNever);
}

TEST(ProxyWatch, DoesNotCountABeatThatItWasTooLateToMiss) {
  ProxyWatch watch({});
  watch.on_connected(t0);
  watch.on_message(beat(), t0);
  watch.on_deadline(t0 + 700ms);  // the machine stood still
  EXPECT_EQ(watch.verdict(), Verdict::Good);
  EXPECT_EQ(watch.deadline(), t0 + 800ms);
  watch.on_deadline(t0 + 800ms);
  watch.on_deadline(t0 + 900ms);
  EXPECT_EQ(watch.verdict(), Verdict::Good);
  watch.on_deadline(t0 + 1000ms);
  EXPECT_EQ(watch.verdict(), Verdict::Bad);
}

TEST(ProxyWatch, WaitsASecondForTheFirstWord) {
  ProxyWatch watch({});
  watch.on_connected(t0);
  EXPECT_EQ(watch.deadline(), t0 + 1s);
  watch.on_deadline(t0 + 1s);
  EXPECT_EQ(watch.trouble(), "the proxy is hung: no heartbeat for 1s");
}

TEST(ProxyWatch, TellsADrainingProxyFromAStoppingOne) {
  ProxyWatch watch({});
  watch.on_connected(t0);
  watch.on_message(beat(State::Draining), t0);
  EXPECT_EQ(watch.verdict(), Verdict::Good) << "what it has goes on";
  EXPECT_TRUE(watch.is_leaving());
  watch.on_message(beat(State::Stopping), t0);
  EXPECT_EQ(watch.verdict(), Verdict::Bad);
  EXPECT_FALSE(watch.is_leaving());
}

TEST(ProxyWatch, LooksAtTheBackendsItWasToldOfAlone) {
  ProxyWatch watch({.backends = {"web", "api"}});
  watch.on_connected(t0);
  EXPECT_EQ(watch.served(), Verdict::Good) << "nothing is known against it";
  watch.on_message(beat(State::Serving, {"static"}), t0);
  EXPECT_EQ(watch.served(), Verdict::Good);
  watch.on_message(beat(State::Serving, {"static", "api"}), t0);
  EXPECT_EQ(watch.served(), Verdict::Bad);
  EXPECT_EQ(watch.verdict(), Verdict::Good) << "the proxy itself is well";
  EXPECT_EQ(watch.trouble(), "backend api has no usable server");
}

}  // namespace
}  // namespace hapair::vrrp
