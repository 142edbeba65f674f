#include "ctl/keygen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/key_ring.h"

namespace hapair::ctl {
namespace {

using ::testing::HasSubstr;

class KeygenTest : public ::testing::Test {
 protected:
  KeygenTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("keygen-{}-{}", ::getpid(),
                            ::testing::UnitTest::GetInstance()->current_test_info()->name())),
        path_(folder_ / "pair.key") {
    std::filesystem::create_directory(folder_);
  }
  ~KeygenTest() override { std::filesystem::remove_all(folder_); }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(path_).rdbuf();
    return out.str();
  }
  std::vector<int> ids() const {
    const auto ring = read_key_ring(path_);
    EXPECT_TRUE(ring) << ring.error().message;
    std::vector<int> out;
    for (const KeyRing::Key& key : ring->keys) out.push_back(key.id);
    return out;
  }

  const std::filesystem::path folder_;
  const std::string path_;
};

TEST_F(KeygenTest, MakesAFileThatTheDaemonsRead) {
  ASSERT_TRUE(make_key_file(path_, 7));
  EXPECT_EQ(ids(), std::vector{7});
  struct stat made {};
  ASSERT_EQ(::stat(path_.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600U);
}

TEST_F(KeygenTest, OverwritesNothing) {
  std::ofstream(path_) << "precious";
  const auto made = make_key_file(path_, 1);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("is there already"));
  EXPECT_EQ(text(), "precious");
}

TEST_F(KeygenTest, AddsBehindWhatIsThere) {
  ASSERT_TRUE(make_key_file(path_, 1));
  const std::string first = text();
  EXPECT_EQ(add_key(path_, std::nullopt), std::uint8_t{2});
  EXPECT_EQ(add_key(path_, 9), std::uint8_t{9});
  EXPECT_EQ(add_key(path_, std::nullopt), std::uint8_t{3});
  EXPECT_EQ(ids(), (std::vector{1, 2, 9, 3}));
  EXPECT_TRUE(text().starts_with(first));
  const auto again = add_key(path_, 9);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("has a key 9 already"));
}

TEST_F(KeygenTest, AddsALineOfItsOwnBehindALineWithoutEnd) {
  std::string line = make_key_line(1);
  line.pop_back();
  std::ofstream(path_) << line;
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_TRUE(add_key(path_, std::nullopt));
  EXPECT_EQ(ids(), (std::vector{1, 2}));
}

TEST_F(KeygenTest, AddsToNothingThatIsNoKeyFile) {
  EXPECT_THAT(add_key(path_, std::nullopt).error().message, HasSubstr("there is no key file"));
  std::ofstream(path_) << "not a key\n";
  ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
  EXPECT_FALSE(add_key(path_, std::nullopt));
  EXPECT_EQ(text(), "not a key\n");
}

}  // namespace
}  // namespace hapair::ctl
