#include "common/loop/log_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/loop/log_shipper.h"

namespace hapair {
namespace {

using namespace std::chrono_literals;

/// A log file on a disk with little room: the limit of a file's size cuts writes as a full disk
/// does.
class SmallDisk : public testing::Test {
 protected:
  SmallDisk() : folder_(::mkdtemp(name_)) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    target_.transport = LogTarget::Transport::File;
    target_.path = folder_ + "/log";
    target_.format = LogTarget::Format::Raw;
  }
  ~SmallDisk() override {
    give_room();
    std::filesystem::remove_all(folder_);
  }
  void leave_room(rlim_t bytes) {
    const rlimit limit{bytes, before_.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void give_room() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(target_.path).rdbuf();
    return all.str();
  }
  static void put(LogShipper& shipper, std::string_view line) {
    shipper.write(Severity::Info, line);
    shipper.finish();  // it is written, or lost
  }

  LogTarget target_;

 private:
  char name_[32] = "/tmp/hapair-log-XXXXXX";
  const std::string folder_;
  rlimit before_{};
};

TEST_F(SmallDisk, GluesNoLineToOneThatWasCut) {
  Loop loop;
  LogShipper cutter(loop, {target_}, "t"), other(loop, {target_}, "t");
  leave_room(10);
  put(cutter, "whole");
  put(cutter, "is cut");
  put(other, "finds no room");
  EXPECT_EQ(text(), "whole\nis c");
  give_room();
  put(other, "after");  // whoever comes first
  put(cutter, "later");
  EXPECT_EQ(text(), "whole\nis c\nafter\nlater\n");
  EXPECT_EQ(cutter.dropped() + other.dropped(), 2U);
}

TEST_F(SmallDisk, TellsOfEveryLineThatWasLost) {
  Loop loop;
  LogShipper shipper(loop, {target_}, "t");
  leave_room(0);
  put(shipper, "a");
  put(shipper, "b");
  // Calm for longer than a target has to be well, and still no room.
  Timer still_lost(loop, [&] { shipper.write(Severity::Info, "c"); });
  still_lost.arm(loop.now() + 1100ms);
  Timer back(loop, [&] { give_room(); });
  back.arm(loop.now() + 1300ms);
  const TimePoint end = loop.now() + 10s;
  Timer writing(loop, [&] {
    shipper.write(Severity::Info, "well");
    if (text().find("could not be delivered") != std::string::npos || loop.now() > end) loop.stop();
    writing.arm(loop.now() + 50ms);
  });
  writing.arm(loop.now() + 1400ms);
  loop.run();
  EXPECT_NE(text().find("3 log lines could not be delivered to file:" + target_.path),
            std::string::npos)
      << text();
}

TEST_F(SmallDisk, LosesNoLineInAFileThatNobodyFinds) {
  Loop loop;
  LogShipper shipper(loop, {target_}, "t");
  put(shipper, "seen");
  std::filesystem::remove_all(std::filesystem::path(target_.path).parent_path());
  const TimePoint end = loop.now() + 10s;
  Timer writing(loop, [&] {
    shipper.write(Severity::Info, "lost");
    if (shipper.dropped() > 0 || loop.now() > end) return loop.stop();
    writing.arm(loop.now() + 50ms);
  });
  writing.arm(loop.now());
  loop.run();
  EXPECT_GT(shipper.dropped(), 0U);  // and not written where nobody reads
}

TEST_F(SmallDisk, LetsGoOfARemovedFileWithoutALine) {
  Loop loop;
  LogShipper shipper(loop, {target_}, "t");
  std::filesystem::remove(target_.path);
  const TimePoint end = loop.now() + 10s;
  Timer watching(loop, [&] {
    if (std::filesystem::exists(target_.path) || loop.now() > end) return loop.stop();
    watching.arm(loop.now() + 50ms);
  });
  watching.arm(loop.now());
  loop.run();
  EXPECT_TRUE(std::filesystem::exists(target_.path));  // the new one is held instead
}

}  // namespace
}  // namespace hapair
