#include "common/service.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hapair {
namespace {

namespace fs = std::filesystem;

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    std::string pattern = (fs::temp_directory_path() / "hapair-service-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ServiceTest() override { fs::remove_all(folder_); }

  std::string file() const { return (folder_ / "x.pid").string(); }
  std::string content() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// Runs `story` in a child and answers its exit code.
  template <typename Story>
  static int in_child(Story story) {
    const pid_t child = fork();
    if (child == 0) _exit(story());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  fs::path folder_;
};

TEST_F(ServiceTest, APidfileHoldsThePidAndGoesWithItsOwner) {
  {
    const auto pidfile = Pidfile::create(file());
    ASSERT_TRUE(pidfile);
    EXPECT_EQ(content(), fmt::format("{}\n", getpid()));
  }
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(ServiceTest, ASecondDaemonIsToldWhoHasThePidfile) {
  const auto first = Pidfile::create(file());
  const auto second = Pidfile::create(file());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            fmt::format("the pid file {} is held by process {}: is it running already?", file(),
                        getpid()));
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(ServiceTest, AStalePidfileIsTakenOver) {
  std::ofstream(file()) << "99999999999999\nleft by a crash";
  const auto pidfile = Pidfile::create(file());
  ASSERT_TRUE(pidfile);
  EXPECT_EQ(content(), fmt::format("{}\n", getpid()));
}

TEST_F(ServiceTest, AChildThatInheritsAPidfileDoesNotRemoveIt) {
  auto pidfile = Pidfile::create(file());
  ASSERT_TRUE(pidfile);
  in_child([&pidfile] {
    const Pidfile inherited = *std::move(pidfile);
    return 0;
  });
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(ServiceTest, APidfileInNoFolderSaysWhy) {
  const auto pidfile = Pidfile::create((folder_ / "none" / "x.pid").string());
  ASSERT_FALSE(pidfile);
  EXPECT_NE(pidfile.error().message.find("No such file or directory"), std::string::npos);
}

TEST_F(ServiceTest, TheStarterOfADaemonHearsHowItWent) {
  EXPECT_EQ(in_child([] {
              auto daemon = Daemonizer::detach();
              if (!daemon) return 9;
              daemon->ready();
              return 7;  // after ready() nobody hears
            }),
            0);
  EXPECT_EQ(in_child([] {
              auto daemon = Daemonizer::detach();
              return daemon ? kExitCannotStart : 9;
            }),
            kExitCannotStart);
  EXPECT_EQ(in_child([] {
              auto daemon = Daemonizer::detach();
              std::abort();
              return 0;
            }),
            kExitCannotStart);
}

TEST_F(ServiceTest, AnUnknownUserIsNamed) {
  const auto dropped = drop_privileges({.user = "no-such-user"});
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().message, "there is no user 'no-such-user' on this host (global.user)");
  EXPECT_TRUE(drop_privileges({}));
}

TEST_F(ServiceTest, PrivilegesAreGoneForGood) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(in_child([] {
              if (!drop_privileges({.user = "nobody", .chroot = "/"})) return 1;
              if (getuid() == 0 || geteuid() == 0 || getgid() == 0) return 2;
              return setuid(0) == 0 ? 3 : 0;
            }),
            0);
}

TEST_F(ServiceTest, DescriptorsAreRaisedAsFarAsAllowed) {
  EXPECT_EQ(in_child([] {
              const rlimit low{64, 128};
              if (setrlimit(RLIMIT_NOFILE, &low) != 0) return 1;
              if (raise_descriptor_limit(32) != 64) return 2;  // never lowered
              if (raise_descriptor_limit(100) != 100) return 3;
              const auto limit = raise_descriptor_limit(200);  // root may raise the hard limit too
              return limit == 200 || limit == 128 ? 0 : 4;
            }),
            0);
}

TEST_F(ServiceTest, TheWatchdogIsFedTwiceAsOften) {
  EXPECT_EQ(in_child([] {
              unsetenv("WATCHDOG_PID");
              unsetenv("WATCHDOG_USEC");
              if (watchdog_interval() != Duration::zero()) return 1;
              setenv("WATCHDOG_USEC", "3000000", 1);
              if (watchdog_interval() != std::chrono::milliseconds(1500)) return 2;
              setenv("WATCHDOG_PID", "1", 1);  // meant for another
              if (watchdog_interval() != Duration::zero()) return 3;
              setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
              return watchdog_interval() != Duration::zero() ? 0 : 4;
            }),
            0);
}

}  // namespace
}  // namespace hapair
