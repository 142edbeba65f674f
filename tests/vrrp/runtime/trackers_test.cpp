// The trackers with a real kernel: files and processes of the test's own, and a small kernel for
// links.
#include "vrrp/runtime/trackers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/health_message.h"
#include "common/loop/health_server.h"
#include "tests/vrrp/fake_netlink.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class TrackersTest : public ::testing::Test, public Logger {
 protected:
  TrackersTest() {
    std::string folder = "/tmp/hapair-trackers-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    config_.instances.push_back({.name = "VI_1"});
  }
  ~TrackersTest() override {
    for (const int child : children_) end(child);
    std::filesystem::remove_all(folder_);
  }

  void write(Severity, std::string_view text) override { log_.emplace_back(text); }

  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }
  void put(std::string_view name, std::string_view text) const {
    std::ofstream(path(name)) << text;
  }

  /// The instance tracks this, besides what it does already.
  void track(Tracking tracking) { config_.instances[0].tracked.push_back(std::move(tracking)); }
  void follow() {
    std::vector<std::string> warnings;
    const auto scripts = prepare_scripts(config_, warnings);
    ASSERT_TRUE(scripts) << scripts.error().message;
    const auto followed = trackers_.follow(config_, *scripts);
    ASSERT_TRUE(followed) << followed.error().message;
  }
  Trackers::Standing standing() const { return trackers_.standing_of(config_.instances[0]); }
  /// What a node of priority 100 has; 0: FAULT.
  int priority() const {
    const auto now = standing();
    return fit_to_serve(now.tracked) ? effective_priority(100, now.tracked) : 0;
  }

  /// Runs the loop until `condition` holds; fails when that takes longer than `most`. How long it
  /// took.
  template <typename Condition>
  Duration wait_until(Condition condition, Duration most = 5s) {
    const TimePoint begun = steady_now();
    Timer limit(loop_, [&] { loop_.stop(); });
    limit.arm(begun + most);
    done_ = [&] { return condition(); };
    loop_.run();
    EXPECT_TRUE(condition());
    done_ = nullptr;
    return steady_now() - begun;
  }

  /// A process that is called so until it is killed.
  int spawn(const std::string& name) {
    const int pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_NAME, name.c_str());
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
    children_.push_back(pid);
    // It may get the name a moment later.
    for (std::string there; there != name;)
      std::getline(std::ifstream(fmt::format("/proc/{}/comm", pid)), there);
    return pid;
  }
  void end(int pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    std::erase(children_, pid);
  }
  /// Nobody else's processes are called so.
  std::string unique() const { return fmt::format("t{}", ::getpid()); }

  Loop loop_;
  FakeNetlink netlink_{{.index = 2, .name = "eth1", .up = true}};
  std::string folder_;
  Config config_;
  std::vector<std::string> log_;
  int told_ = 0;
  std::function<bool()> done_;
  Trackers trackers_{loop_, netlink_, *this, [this] { ++told_; }};
  std::vector<int> children_;

 private:
  struct AtTurnEnd {
    explicit AtTurnEnd(TrackersTest& test) {
      test.loop_.at_turn_end([&test] {
        if (test.done_ && test.done_()) test.loop_.stop();
      });
    }
  } at_turn_end_{*this};
};

// ---- interfaces

TEST_F(TrackersTest, AnInterfaceIsMindedByItsName) {
  const Link eth2{.index = 7, .name = "eth2", .up = true};
  netlink_.add_link(eth2);
  track({.kind = TrackerKind::Interface, .name = "eth2"});
  follow();
  EXPECT_EQ(priority(), 100) << "known at once";
  const auto event = [&](int index, const Link* like) {
    netlink_.change(index, like);
    trackers_.on_link_change(index);
  };
  Link down = eth2;
  down.up = false;
  event(7, &down);
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(priority(), 0);
  EXPECT_EQ(standing().trouble, "interface eth2 is down");
  event(7, &eth2);
  EXPECT_EQ(priority(), 100);

  const Link renamed{.index = 7, .name = "eth9", .up = true};
  event(7, &renamed);
  EXPECT_EQ(standing().trouble, "interface eth2 is gone");
  event(7, &eth2);
  EXPECT_EQ(priority(), 100) << "called so again";
  event(7, nullptr);
  EXPECT_EQ(priority(), 0);
  const Link stranger{.index = 8, .name = "eth3", .up = true};
  event(8, &stranger);
  EXPECT_EQ(priority(), 0);
  const Link anew{.index = 9, .name = "eth2", .up = true};
  event(9, &anew);
  EXPECT_EQ(priority(), 100) << "another of that name";
  EXPECT_THAT(log_, Contains("Kernel is reporting: interface eth2 DOWN"));
  EXPECT_THAT(log_, Contains("Kernel is reporting: interface eth2 UP"));
}

TEST_F(TrackersTest, AnInterfaceThatIsNotThereIsDownAndNamed) {
  track({.kind = TrackerKind::Interface, .name = "eth7", .weight = -20});
  follow();
  EXPECT_TRUE(standing().is_known);
  EXPECT_EQ(priority(), 80);
  EXPECT_THAT(log_, Contains(HasSubstr("there is no interface eth7")));
}

TEST_F(TrackersTest, InstancesMayWaitDifferentlyForTheSameInterface) {
  track({.kind = TrackerKind::Interface, .name = "eth1"});
  config_.instances.push_back(
      {.name = "VI_2",
       .tracked = {{.kind = TrackerKind::Interface, .name = "eth1", .down_delay = 20ms}}});
  follow();
  netlink_.set_up(false);
  trackers_.on_link_change(2);
  EXPECT_FALSE(fit_to_serve(standing().tracked));
  const auto other = [this] { return trackers_.standing_of(config_.instances[1]); };
  EXPECT_TRUE(fit_to_serve(other().tracked));
  wait_until([&] { return !fit_to_serve(other().tracked); });
}

// ---- files

TEST_F(TrackersTest, AFileIsReadReplacedRemovedAndMadeAnew) {
  config_.track_files = {{.name = "drain", .path = path("drain")}};
  track({.kind = TrackerKind::File, .name = "drain", .weight = 1});
  follow();
  EXPECT_FALSE(standing().is_known);
  EXPECT_EQ(priority(), 0) << "not read yet";
  wait_until([this] { return standing().is_known; });
  EXPECT_EQ(priority(), 100) << "there is none";
  put("drain", "-50\n");
  wait_until([this] { return priority() == 50; });
  put("drain", "7");
  wait_until([this] { return priority() == 107; });
  put("other", "-254");
  std::filesystem::rename(path("other"), path("drain"));
  wait_until([this] { return priority() == 0; });
  EXPECT_EQ(standing().trouble, "file drain says -254");
  put("drain", "20");
  wait_until([this] { return priority() == 120; });
  std::filesystem::remove(path("drain"));
  wait_until([this] { return priority() == 100; });
  EXPECT_THAT(log_, Contains("VRRP_File(drain) says -50"));
}

TEST_F(TrackersTest, AFileBehindALinkIsMindedWhereItIs) {
  std::filesystem::create_directory(path("elsewhere"));
  put("elsewhere/value", "-1");
  std::filesystem::create_symlink(path("elsewhere/value"), path("drain"));
  config_.track_files = {{.name = "drain", .path = path("drain")}};
  track({.kind = TrackerKind::File, .name = "drain", .weight = 1});
  follow();
  wait_until([this] { return priority() == 99; });
  put("elsewhere/value", "-2");
  wait_until([this] { return priority() == 98; });
  put("elsewhere/next", "-3");
  std::filesystem::rename(path("elsewhere/next"), path("elsewhere/value"));
  wait_until([this] { return priority() == 97; });
}

TEST_F(TrackersTest, RubbishInAFileIsSaidAndChangesNothing) {
  put("drain", "-50");
  config_.track_files = {{.name = "drain", .path = path("drain")}};
  track({.kind = TrackerKind::File, .name = "drain", .weight = 1});
  follow();
  wait_until([this] { return priority() == 50; });
  for (const std::string_view rubbish : {"on", "", "4000"}) {
    const std::size_t lines = log_.size();
    put("drain", rubbish);
    wait_until([&] { return log_.size() > lines; });
    EXPECT_THAT(log_.back(), HasSubstr("-50 still counts")) << rubbish;
    EXPECT_EQ(priority(), 50) << rubbish;
  }
  EXPECT_THAT(log_, Contains("VRRP_File(drain) \"on\" is no whole number: -50 still counts"));
  EXPECT_THAT(log_, Contains("VRRP_File(drain) it is empty: -50 still counts"));
}

TEST_F(TrackersTest, AFolderMayComeLater) {
  config_.track_files = {{.name = "drain", .path = path("later/drain"), .initial = -5}};
  track({.kind = TrackerKind::File, .name = "drain", .weight = 1});
  follow();
  wait_until([this] { return priority() == 95; });
  EXPECT_THAT(log_, Contains(HasSubstr("its folder is not there")));
  std::filesystem::create_directory(path("later"));
  put("later/drain", "3");
  wait_until([this] { return priority() == 103; });
  put("later/drain", "4");
  wait_until([this] { return priority() == 104; });
}

TEST_F(TrackersTest, WhatIsNoFileIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo(path("drain").c_str(), 0600), 0);
  config_.track_files = {{.name = "drain", .path = path("drain")}};
  track({.kind = TrackerKind::File, .name = "drain", .weight = 1});
  follow();
  wait_until([this] { return standing().is_known; });
  EXPECT_THAT(log_, Contains(HasSubstr("is not a regular file: 0 still counts")));
}

// ---- processes

TEST_F(TrackersTest, AProcessIsFoundAndItsEndIsKnownAtOnce) {
  config_.track_processes = {{.name = "p", .process = unique()}};
  track({.kind = TrackerKind::Process, .name = "p"});
  follow();
  wait_until([this] { return standing().is_known; });
  EXPECT_EQ(priority(), 0);
  EXPECT_EQ(standing().trouble, "process p: 0 of 1 running");
  const int pid = spawn(unique());
  wait_until([this] { return priority() == 100; });
  ::kill(pid, SIGKILL);
  EXPECT_LT(wait_until([this] { return priority() == 0; }), 500ms) << "before anybody collects it";
  end(pid);
  EXPECT_THAT(log_, Contains("Quorum gained for tracked process p"));
  EXPECT_THAT(log_, Contains("Quorum lost for tracked process p"));
}

TEST_F(TrackersTest, ASuccessorOfThatNameTakesAPredecessorsPlace) {
  const int first = spawn(unique());
  config_.track_processes = {{.name = "p", .process = unique()}};
  track({.kind = TrackerKind::Process, .name = "p"});
  follow();
  wait_until([this] { return priority() == 100; });
  const int second = spawn(unique());
  const int told = told_;
  end(first);
  // Its end is heard, and searched for, within these turns.
  Timer later(loop_, [this] { loop_.stop(); });
  later.arm(steady_now() + 100ms);
  loop_.run();
  EXPECT_EQ(told_, told) << "nothing changed";
  EXPECT_EQ(priority(), 100);
  end(second);
  wait_until([this] { return priority() == 0; });
}

TEST_F(TrackersTest, AQuorumWantsSoMany) {
  const int first = spawn(unique());
  spawn(unique());
  config_.track_processes = {{.name = "p", .process = unique(), .quorum = 3}};
  track({.kind = TrackerKind::Process, .name = "p", .weight = -10});
  follow();
  wait_until([this] { return standing().is_known; });
  EXPECT_EQ(priority(), 90);
  spawn(unique());
  wait_until([this] { return priority() == 100; });
  end(first);
  wait_until([this] { return priority() == 90; });
}

TEST_F(TrackersTest, APidfileNamesTheProcess) {
  const int pid = spawn(unique());
  config_.track_processes = {{.name = "p", .pidfile = path("pid")}};
  track({.kind = TrackerKind::Process, .name = "p"});
  follow();
  wait_until([this] { return standing().is_known; });
  EXPECT_EQ(priority(), 0) << "there is no such file";
  put("pid", "rubbish\n");
  wait_until([this] {
    return !log_.empty() && log_.back().find("no process number") != std::string::npos;
  });
  put("pid", fmt::format("{}\n", pid));
  wait_until([this] { return priority() == 100; });
  end(pid);
  EXPECT_LT(wait_until([this] { return priority() == 0; }), 50ms);
}

TEST_F(TrackersTest, AStalePidfileNamesNobodyWithThatName) {
  put("pid", fmt::format("{}", spawn("someone-else")));
  config_.track_processes = {{.name = "p", .process = unique(), .pidfile = path("pid")}};
  track({.kind = TrackerKind::Process, .name = "p"});
  follow();
  wait_until([this] { return standing().is_known; });
  EXPECT_EQ(priority(), 0);
}

// ---- the proxy

TEST_F(TrackersTest, TheProxyIsMindedAndSoAreTheBackendsThatAnInstanceNames) {
  config_.health.path = path("health.sock");
  int taken = 0;
  HealthServer proxy(loop_, [] {}, [&] { ++taken; });
  ASSERT_TRUE(proxy.open(config_.health.path, "", ""));
  proxy.send(
      encode({.state = HealthMessage::State::Serving, .interval = 10s, .unserved = {"web"}}));
  track({.kind = TrackerKind::Proxy, .name = "proxy"});
  track({.kind = TrackerKind::Backends, .name = "backends", .backends = {"web"}, .weight = -20});
  follow();
  EXPECT_FALSE(standing().is_known);
  wait_until([this] { return standing().is_known && priority() == 80; });

  // Whoever has no business with a backend does not suffer from it, and goes on as it was.
  const Tracker* const kept = trackers_.entries()[0].tracker.get();
  config_.instances[0].tracked.pop_back();
  follow();
  EXPECT_EQ(trackers_.entries().size(), 1U);
  EXPECT_EQ(trackers_.entries()[0].tracker.get(), kept);
  EXPECT_EQ(priority(), 100);

  trackers_.on_taken();
  wait_until([&] { return taken == 1; });
}

// ---- all of them

TEST_F(TrackersTest, WhatTwoInstancesTrackIsTrackedOnceAndWeighedByEach) {
  config_.scripts = {{.name = "chk", .command = {"/bin/false"}}};
  track({.kind = TrackerKind::Script, .name = "chk", .weight = -20});
  config_.instances.push_back(
      {.name = "VI_2", .tracked = {{.kind = TrackerKind::Script, .name = "chk", .reverse = true}}});
  follow();
  EXPECT_EQ(trackers_.entries().size(), 1U);
  wait_until([this] { return standing().is_known; });
  EXPECT_EQ(priority(), 80);
  EXPECT_TRUE(fit_to_serve(trackers_.standing_of(config_.instances[1]).tracked));
}

TEST_F(TrackersTest, ANewConfigurationKeepsWhatItHasInCommon) {
  config_.scripts = {{.name = "chk", .command = {"/bin/true"}, .interval = 1h},
                     {.name = "other", .command = {"/bin/true"}, .interval = 1h}};
  track({.kind = TrackerKind::Script, .name = "chk", .weight = 5});
  track({.kind = TrackerKind::Interface, .name = "eth1"});
  follow();
  wait_until([this] { return standing().is_known; });
  const Tracker* const kept = trackers_.entries()[0].tracker.get();

  config_.scripts[0].weight = 7;
  config_.instances[0].tracked = {{.kind = TrackerKind::Script, .name = "chk", .weight = 7}};
  track({.kind = TrackerKind::Script, .name = "other"});
  follow();
  ASSERT_EQ(trackers_.entries().size(), 2U) << "one went, one came";
  EXPECT_EQ(trackers_.entries()[0].tracker.get(), kept);
  EXPECT_EQ(priority(), 0) << "what is new has yet to speak";
  wait_until([this] { return priority() == 107; });

  config_.scripts[0].command = {"/bin/false"};
  follow();
  EXPECT_FALSE(standing().is_known) << "another command is another script";
}

}  // namespace
}  // namespace hapair::vrrp
