#include "common/loop/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include "common/loop/subprocess.h"

namespace hapair {
namespace {

using namespace std::chrono_literals;

TEST(Loop, FiresTimersInOrderOfTheirDeadlines) {
  Loop loop;
  std::vector<int> order;
  const TimePoint now = loop.refresh();
  Timer c(loop, [&] { order.push_back(3); loop.stop(); });
  Timer a(loop, [&] { order.push_back(1); });
  Timer b(loop, [&] { order.push_back(2); });
  c.arm(now + 6ms);
  a.arm(now + 1ms);
  b.arm(now + 3ms);
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Loop, ATimerMovedLaterFiresOnlyThen) {
  Loop loop;
  const TimePoint begin = loop.refresh();
  TimePoint fired;
  Timer timer(loop, [&] { fired = loop.now(); loop.stop(); });
  timer.arm(begin + 2ms);
  timer.arm(begin + 20ms);
  loop.run();
  EXPECT_GE(fired, begin + 20ms);
}

TEST(Loop, ADisarmedTimerNeverFires) {
  Loop loop;
  bool fired = false;
  Timer timer(loop, [&] { fired = true; });
  Timer end(loop, [&] { loop.stop(); });
  timer.arm(loop.refresh() + 1ms);
  timer.disarm();
  end.arm(loop.now() + 5ms);
  loop.run();
  EXPECT_FALSE(fired);
}

TEST(Loop, ManyTimersKeepTheHeapWhole) {
  Loop loop;
  const TimePoint begin = loop.refresh();
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<TimePoint> fired;
  for (int i = 0; i < 500; ++i) {
    const auto wait = std::chrono::microseconds((i * 7919) % 10000);
    timers.push_back(std::make_unique<Timer>(loop, [&, at = begin + wait] { fired.push_back(at); }));
    timers.back()->arm(begin + wait);
  }
  for (int i = 0; i < 500; i += 3) timers[static_cast<std::size_t>(i)].reset();
  Timer end(loop, [&] { loop.stop(); });
  end.arm(begin + 30ms);
  loop.run();
  EXPECT_EQ(fired.size(), 333u);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

struct Reader final : Watcher {
  explicit Reader(std::function<void(std::uint32_t)> f) : callback(std::move(f)) {}
  void on_ready(std::uint32_t events) override { callback(events); }
  std::function<void(std::uint32_t)> callback;
};

TEST(Loop, AForgottenWatcherHearsNothingOfEventsAlreadyFetched) {
  Loop loop;
  const int a = eventfd(1, EFD_NONBLOCK), b = eventfd(1, EFD_NONBLOCK);
  int calls = 0;
  Reader* other_of[2];
  Reader first([&](std::uint32_t) { ++calls; loop.forget(b, *other_of[1]); loop.forget(a, *other_of[0]); });
  Reader second([&](std::uint32_t) { ++calls; loop.forget(b, *other_of[1]); loop.forget(a, *other_of[0]); });
  other_of[0] = &first;
  other_of[1] = &second;
  loop.watch(a, first, EPOLLIN);
  loop.watch(b, second, EPOLLIN);
  Timer end(loop, [&] { loop.stop(); });
  end.arm(loop.refresh() + 5ms);
  loop.run();
  EXPECT_EQ(calls, 1);  // whichever came first silenced the other
  close(a);
  close(b);
}

TEST(Loop, RunsWorkPostedFromAnotherThread) {
  Loop loop;
  std::thread::id ran_on;
  std::thread other([&] { loop.post([&] { ran_on = std::this_thread::get_id(); loop.stop(); }); });
  loop.run();
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

ExitReport run_command(std::vector<std::string> argv, Duration timeout) {
  Loop loop;
  ExitReport result;
  Subprocess process(loop, std::move(argv), timeout, [&](const ExitReport& report) {
    result = report;
    loop.stop();
  });
  loop.run();
  return result;
}

TEST(Subprocess, TellsTheExitStatus) {
  EXPECT_TRUE(run_command({"true"}, 5s).succeeded());
  EXPECT_EQ(run_command({"sh", "-c", "exit 7"}, 5s).status, 7);
}

TEST(Subprocess, TellsWhenThereIsNoSuchCommand) {
  const ExitReport report = run_command({"/no/such/command"}, 5s);
  EXPECT_FALSE(report.succeeded());
  EXPECT_EQ(report.error, "no such file or directory");
}

TEST(Subprocess, EndsAnOverdueCommandAndItsChildren) {
  const TimePoint begin = steady_now();
  const ExitReport report = run_command({"sh", "-c", "sleep 30 & sleep 30"}, 50ms);
  EXPECT_TRUE(report.timed_out);
  EXPECT_FALSE(report.succeeded());
  EXPECT_LT(steady_now() - begin, 5s);
}

}  // namespace
}  // namespace hapair
