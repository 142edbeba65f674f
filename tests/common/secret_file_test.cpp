#include "common/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

namespace hapair {
namespace {

class SecretFile : public ::testing::Test {
 protected:
  ~SecretFile() override { std::remove(path_.c_str()); }
  Result<std::string> line(std::string_view text) {
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), 0640);
    return read_secret_line(path_, "password file");
  }
  const std::string path_ = ::testing::TempDir() + "/hapair-secret-file-test";
};

TEST_F(SecretFile, GivesItsOneLineWithoutTheEnd) {
  EXPECT_EQ(line("open sesame\n").value(), "open sesame");
  EXPECT_EQ(line("open sesame\r\n").value(), "open sesame");
  EXPECT_EQ(line(" a b ").value(), " a b ") << "spaces may be part of it";
}

TEST_F(SecretFile, SaysWhatIsWrongAndNothingOfTheSecret) {
  EXPECT_EQ(line("a\nb\n").error().message,
            "the password file " + path_ + " has more than one line");
  EXPECT_EQ(line("\n").error().message, "the password file " + path_ + " is empty");
  ::chmod(path_.c_str(), 0644);
  EXPECT_EQ(read_secret_line(path_, "password file").error().message,
            "everybody may read the password file " + path_ + ": chmod 0640 " + path_);
  std::remove(path_.c_str());
  EXPECT_EQ(read_secret_line(path_, "password file").error().message,
            "there is no password file " + path_);
}

}  // namespace
}  // namespace hapair
