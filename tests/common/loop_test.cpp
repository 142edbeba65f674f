#include "common/loop/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <semaphore>
#include <set>
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

// As between fork and exec of a child: close() alone takes nothing out of the epoll set.
TEST(Loop, AForgottenWatcherHearsNothingThoughACopyOfItsDescriptorIsOpen) {
  Loop loop;
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  int calls = 0;
  bool due = false;
  Reader gone([&](std::uint32_t) { ++calls; });
  Reader next([&](std::uint32_t) {
    EXPECT_TRUE(due) << "what happens to the copy is not its own";
    loop.stop();
  });
  loop.watch(ends[0], gone, EPOLLIN);
  const int copy = dup(ends[0]);
  loop.forget(ends[0], gone);
  close(ends[0]);
  const int again = eventfd(0, EFD_NONBLOCK);
  ASSERT_EQ(again, ends[0]) << "the number is somebody else's";
  loop.watch(again, next, EPOLLIN);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  Timer late(loop, [&] {
    due = true;
    EXPECT_EQ(eventfd_write(again, 1), 0);
  });
  late.arm(loop.refresh() + 5ms);
  loop.run();
  EXPECT_EQ(calls, 0);
  for (const int fd : {again, copy, ends[1]}) close(fd);
}

TEST(Loop, AWatcherThatAsksTwiceToBeResumedIsCalledOnce) {
  Loop loop;
  std::vector<std::uint32_t> calls;
  Reader reader([&](std::uint32_t events) {
    calls.push_back(events);
    loop.stop();
  });
  loop.resume(reader, EPOLLIN);
  loop.resume(reader, EPOLLOUT);
  loop.run();
  EXPECT_EQ(calls, (std::vector<std::uint32_t>{EPOLLIN | EPOLLOUT}));
}

TEST(Loop, RunsWorkPostedFromAnotherThread) {
  Loop loop;
  std::thread::id ran_on;
  std::thread other([&] { loop.post([&] { ran_on = std::this_thread::get_id(); loop.stop(); }); });
  loop.run();
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

ExitReport run_command(Command command, Duration timeout) {
  Loop loop;
  ExitReport result;
  Subprocess process(loop, std::move(command), timeout, [&](const ExitReport& report) {
    result = report;
    loop.stop();
  });
  loop.run();
  return result;
}

ExitReport run_command(std::vector<std::string> argv, Duration timeout) {
  return run_command(Command{.argv = std::move(argv)}, timeout);
}

TEST(Loop, TellsWhenWorkElsewhereIsDone) {
  Loop loop;
  std::thread::id worked_on, told_on;
  loop.offload([&] { worked_on = std::this_thread::get_id(); },
               [&] {
                 told_on = std::this_thread::get_id();
                 loop.stop();
               });
  loop.run();
  EXPECT_NE(worked_on, std::this_thread::get_id());
  EXPECT_EQ(told_on, std::this_thread::get_id());
}

TEST(Loop, DoesManyWorksAtOnceAndOneAfterTheOtherOnFewThreads) {
  Loop loop;
  std::set<std::thread::id> threads;
  std::binary_semaphore gate(0);
  std::function<void(int)> again = [&](int left) {
    if (left == 0) return loop.stop();
    const auto who = std::make_shared<std::thread::id>();
    loop.offload([who] { *who = std::this_thread::get_id(); },
                 [&, who, left] {
                   threads.insert(*who);
                   again(left - 1);
                 });
  };
  loop.offload([&] { gate.acquire(); });  // holds up nobody but itself
  again(50);
  loop.run();
  gate.release();
  // Mostly one. A thread that is held up on its way back to wait cannot take the next work, and another
  // begins: rarely, so not for each of fifty.
  EXPECT_GE(threads.size(), 1u);
  EXPECT_LE(threads.size(), 10u);
}

TEST(Loop, WaitsForOffloadedWorkAtItsEnd) {
  bool worked = false, told = false;
  {
    Loop loop;
    loop.offload(
        [&] {
          // Still at work when the loop begins to end, as nobody could signal from here. Right either way.
          std::this_thread::sleep_for(20ms);
          worked = true;
        },
        [&] { told = true; });
  }
  EXPECT_TRUE(worked);
  EXPECT_FALSE(told);
}

TEST(Loop, HearsOfEveryWordFromOtherThreads) {
  Loop loop;
  int heard = 0;
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i)
    others.emplace_back([&] {
      for (int j = 0; j < 1000; ++j)
        loop.post([&] {
          if (++heard == 4000) loop.stop();
        });
    });
  Timer limit(loop, [&] { loop.stop(); });
  limit.arm(loop.now() + 20s);
  loop.run();
  for (auto& other : others) other.join();
  EXPECT_EQ(heard, 4000);
}

TEST(Subprocess, TellsTheExitStatus) {
  EXPECT_TRUE(run_command({"true"}, 5s).succeeded());
  EXPECT_EQ(run_command({"sh", "-c", "exit 7"}, 5s).status, 7);
  EXPECT_EQ(run_command({"sh", "-c", "kill -9 $$"}, 5s).signal, SIGKILL);
}

TEST(Subprocess, TellsWhenThereIsNoSuchCommand) {
  const ExitReport report = run_command({"/no/such/command"}, 5s);
  EXPECT_FALSE(report.succeeded());
  EXPECT_EQ(report.error, "No such file or directory");
}

TEST(Subprocess, SeesTheEnvironmentItIsGiven) {
  const std::vector<std::string> sees = {"sh", "-c", "test \"$A$HOME\" = 1"};
  EXPECT_TRUE(run_command(Command{.argv = sees, .environment = {"A=1"}}, 5s).succeeded());
  EXPECT_FALSE(run_command(sees, 5s).succeeded()) << "ours, which has a HOME";
}

TEST(Subprocess, BeginsWithOrdinarySignals) {
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(run_command({"sh", "-c", "kill -PIPE $$"}, 5s).signal, SIGPIPE);
  std::signal(SIGPIPE, SIG_DFL);
}

TEST(Subprocess, HasTheRightsItIsGivenAndNoOthers) {
  // tests/run is root, and counts a skipped test as failed; this is for whoever runs it by hand.
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const Credentials nobody{.user = 65534, .group = 65533, .groups = {65531, 65532}};
  const auto is = [&](std::string what) {
    return run_command(Command{.argv = {"sh", "-c", what}, .credentials = nobody}, 5s).succeeded();
  };
  EXPECT_TRUE(
      is("test \"$(id -u) $(id -ru) $(id -g) $(id -G)\" = '65534 65534 65533 65533 65531 65532'"));
  EXPECT_TRUE(
      is("grep -qE '^CapEff:\\s0+$' /proc/self/status && grep -qE '^CapPrm:\\s0+$' "
         "/proc/self/status"));
  EXPECT_FALSE(is("test -r /etc/shadow"));
}

TEST(Subprocess, EndsAnOverdueCommandAndItsChildren) {
  const TimePoint begin = steady_now();
  const ExitReport report = run_command({"sh", "-c", "sleep 30 & sleep 30"}, 50ms);
  EXPECT_TRUE(report.timed_out);
  EXPECT_FALSE(report.succeeded());
  EXPECT_LT(steady_now() - begin, 5s);
}

/// A pipe that a command holds open: the end of the whole group is the end of the pipe.
struct Held {
  Held() { EXPECT_EQ(pipe(ends), 0); }
  bool is_over() {
    if (ends[1] >= 0) close(std::exchange(ends[1], -1));
    pollfd waiting{.fd = ends[0], .events = POLLIN, .revents = 0};
    return poll(&waiting, 1, 5000) == 1 && (waiting.revents & POLLHUP);
  }
  ~Held() { close(ends[0]); }
  int ends[2];
};

TEST(Subprocess, EndsEvenThoseWhoIgnoreTheFirstSignal) {
  Held held;
  EXPECT_TRUE(run_command({"sh", "-c", "trap '' TERM; sleep 30 & wait; sleep 30"}, 50ms).timed_out);
  EXPECT_TRUE(held.is_over());
}

TEST(Subprocess, ThatIsDestroyedIsKilled) {
  Held held;
  {
    Loop loop;
    const Subprocess process(loop, {.argv = {"sleep", "30"}}, 5s,
                             [](const ExitReport&) { FAIL(); });
  }
  EXPECT_TRUE(held.is_over());
}

TEST(Subprocess, ThatIsLetGoGoesOn) {
  Held held;
  {
    Loop loop;
    Subprocess process(
        loop, {.argv = {"sh", "-c", "sleep 0.2; echo > /dev/fd/" + std::to_string(held.ends[1])}},
        5s, [](const ExitReport&) { FAIL(); });
    process.let_go();
  }
  close(std::exchange(held.ends[1], -1));
  char byte = 0;
  EXPECT_EQ(read(held.ends[0], &byte, 1), 1) << "written after we were done with it";
}

}  // namespace
}  // namespace hapair
