#include "common/file_rights.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace hapair {
namespace {

/// A socket's file with mode 0640.
class FileRightsTest : public testing::Test {
 protected:
  FileRightsTest()
      : folder_(std::filesystem::temp_directory_path() / ("rights" + std::to_string(::getpid()))),
        path_(folder_ / "sock"),
        fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    std::filesystem::create_directory(folder_);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::chmod(path_.c_str(), 0640);
  }
  ~FileRightsTest() override {
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  struct stat now() const {
    struct stat found {};
    EXPECT_EQ(::lstat(path_.c_str(), &found), 0);
    return found;
  }
  unsigned mode() const { return now().st_mode & 0777; }

  const std::filesystem::path folder_;
  const std::string path_;
  const int fd_;
};

TEST_F(FileRightsTest, ChangeInPlaceAndStayIfTheyAreKept) {
  {
    auto rights = FileRights::change(path_, {"", "", 0640}, {"", "", 0600});
    ASSERT_TRUE(rights) << rights.error().message;
    EXPECT_EQ(mode(), 0600u);
    rights->keep();
  }
  EXPECT_EQ(mode(), 0600u);
}

TEST_F(FileRightsTest, GoBackUnlessTheyAreKept) {
  const struct stat before = now();
  {
    auto rights = FileRights::change(path_, {"", "", 0640}, {"nobody", "nogroup", 0666});
    ASSERT_TRUE(rights) << rights.error().message;
    const FileRights moved = *std::move(rights);
    EXPECT_EQ(mode(), 0666u);
    EXPECT_NE(now().st_uid, before.st_uid);
    EXPECT_NE(now().st_gid, before.st_gid);
  }
  EXPECT_EQ(mode(), 0640u);
  EXPECT_EQ(now().st_uid, before.st_uid);
  EXPECT_EQ(now().st_gid, before.st_gid);
}

TEST_F(FileRightsTest, WhoIsNoLongerNamedIsWhoWeAre) {
  FileRights::change(path_, {"", "", 0640}, {"nobody", "nogroup", 0640})->keep();
  FileRights::change(path_, {"nobody", "nogroup", 0640}, {"", "nogroup", 0640})->keep();
  EXPECT_EQ(now().st_uid, ::geteuid());
  EXPECT_EQ(now().st_gid, find_accounts("", "nogroup")->group);
}

TEST_F(FileRightsTest, ChangeNothingIfTheyCannotBe) {
  const auto nobody_such = FileRights::change(path_, {"", "", 0640}, {"no-such-user", "", 0600});
  ASSERT_FALSE(nobody_such);
  EXPECT_EQ(nobody_such.error().message, "there is no user \"no-such-user\"");
  EXPECT_EQ(mode(), 0640u);
  EXPECT_FALSE(FileRights::change(folder_ / "gone", {"", "", 0640}, {"", "", 0600}));
}

TEST_F(FileRightsTest, AreNotThoseOfWhateverTookItsPlace) {
  std::filesystem::remove(path_);
  std::ofstream(path_) << "somebody's";
  ::chmod(path_.c_str(), 0644);
  const auto rights = FileRights::change(path_, {"", "", 0640}, {"", "", 0666});
  ASSERT_FALSE(rights);
  EXPECT_NE(rights.error().message.find("no socket"), std::string::npos);
  EXPECT_EQ(mode(), 0644u);
}

TEST(Accounts, AreNamesOrNumbers) {
  EXPECT_EQ(find_accounts("", "")->user, kSameUser);
  EXPECT_EQ(find_accounts("", "")->group, kSameGroup);
  EXPECT_EQ(find_accounts("root", "root")->user, 0u);
  EXPECT_EQ(find_accounts("12345", "54321")->user, 12345u);
  EXPECT_EQ(find_accounts("12345", "54321")->group, 54321u);
  EXPECT_EQ(find_accounts("", "no such").error().message, "there is no group \"no such\"");
}

}  // namespace
}  // namespace hapair
