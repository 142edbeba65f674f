#include "vrrp/runtime/run_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vrrp/runtime/history_keeper.h"

namespace hapair::vrrp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunFileTest : public ::testing::Test, public Logger {
 protected:
  RunFileTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("run-file-{}-{}", ::getpid(),
                            ::testing::UnitTest::GetInstance()->current_test_info()->name())) {}
  ~RunFileTest() override { std::filesystem::remove_all(folder_); }
  void write(Severity, std::string_view text) override { log_.emplace_back(text); }

  const std::filesystem::path folder_;
  std::vector<std::string> log_;
};

TEST_F(RunFileTest, MakesItsFolderAndReadsBackWhatItWrote) {
  RunFile file(folder_, "notes", *this);
  EXPECT_EQ(file.read(), "") << "there is none, which is no news";
  file.write("first\n");
  file.write("second\n");
  EXPECT_EQ(RunFile(folder_, "notes", *this).read(), "second\n");
  EXPECT_THAT(log_, IsEmpty());
  struct stat made {};
  ASSERT_EQ(::stat((folder_ / "notes").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07, 0U) << "nothing for everybody";
}

TEST_F(RunFileTest, TellsOnceThatItCannotWrite) {
  std::ofstream(folder_) << "a file where the folder should be";
  RunFile file(folder_, "notes", *this);
  for (int i = 0; i < 3; ++i) file.write("x");
  EXPECT_THAT(log_, ElementsAre(HasSubstr("Not a directory; what it is for does not outlive")));
  std::filesystem::remove(folder_);
  file.write("x");
  std::filesystem::remove_all(folder_);
  std::ofstream(folder_) << "again";
  file.write("x");
  EXPECT_EQ(log_.size(), 2U) << "it had worked meanwhile";
}

TEST_F(RunFileTest, FollowsNobodyElsewhere) {
  std::filesystem::create_directory(folder_);
  std::ofstream(folder_ / "precious") << "precious";
  std::filesystem::create_symlink("precious", folder_ / "notes.new");
  std::filesystem::create_symlink("precious", folder_ / "notes");
  RunFile file(folder_, "notes", *this);
  EXPECT_EQ(file.read(), "");
  file.write("x");
  EXPECT_EQ(file.read(), "x");
  EXPECT_EQ(RunFile(folder_, "precious", *this).read(), "precious");
}

TEST_F(RunFileTest, DoesNotWaitForAPipe) {
  std::filesystem::create_directory(folder_);
  ASSERT_EQ(::mkfifo((folder_ / "notes").c_str(), 0600), 0);
  EXPECT_EQ(RunFile(folder_, "notes", *this).read(), "");
}

TEST_F(RunFileTest, AHistoryGoesOnWhereAnotherProcessEnded) {
  const auto began = [](std::string instance) {
    return Transition{.instance = std::move(instance), .to = State::Backup, .why = "it began"};
  };
  {
    HistoryKeeper keeper(folder_, *this);
    keeper.add(began("VI_1"));
    EXPECT_FALSE(std::filesystem::exists(folder_)) << "not within the turn";
    keeper.save();
    keeper.add(began("VI_2"));  // and is killed before the turn ends
  }
  HistoryKeeper keeper(folder_, *this);
  EXPECT_THAT(keeper.history().transitions(), ElementsAre(began("VI_1")));
  keeper.add(began("VI_3"));
  keeper.save();
  EXPECT_THAT(HistoryKeeper(folder_, *this).history().transitions(),
              ElementsAre(began("VI_1"), began("VI_3")));
}

}  // namespace
}  // namespace hapair::vrrp
