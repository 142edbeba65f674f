#include "vrrp/runtime/script_safety.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hapair::vrrp {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kNobody = 65534, kSomebody = 65533;
constexpr gid_t kSomeGroup = 65532;

/// A folder in /tmp with a script in it, all of it as it should be.
class ScriptSafety : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "gives files away, which only root may";
    char name[] = "/tmp/script-safety-XXXXXX";
    folder_ = mkdtemp(name);
    script_ = folder_ + "/inner/tell";
    std::filesystem::create_directory(folder_ + "/inner");
    std::ofstream(script_) << "#!/bin/sh\n";
    for (const auto& path : {folder_, folder_ + "/inner", script_}) chmod(path.c_str(), 0755);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string complaint(const std::string& path) {
    const auto checked = check_script_safety(path, user_);
    return checked ? "" : checked.error().message;
  }

  std::string folder_, script_;
  ScriptUser user_{.name = "nobody",
                   .credentials = {.user = kNobody, .group = kNobody, .groups = {kSomeGroup}}};
};

TEST_F(ScriptSafety, AcceptsWhatOnlyRootCanChange) {
  EXPECT_EQ(complaint(script_), "");
  EXPECT_EQ(complaint("/usr/bin/killall"), "");
  EXPECT_EQ(complaint("/bin/sh"), "") << "through links";
}

TEST_F(ScriptSafety, AcceptsWhatBelongsToTheUserThatRunsIt) {
  ASSERT_EQ(chown((folder_ + "/inner").c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(chown(script_.c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(complaint(script_), "");
}

TEST_F(ScriptSafety, RefusesWhatEverybodyMayWriteTo) {
  chmod(script_.c_str(), 0757);
  EXPECT_EQ(complaint(script_), "the script " + script_ +
                                    " is not safe to run: everybody may write to " + script_ +
                                    ": chmod o-w " + script_);
}

TEST_F(ScriptSafety, RefusesAFolderEverybodyMayWriteTo) {
  chmod(folder_.c_str(), 0777);
  EXPECT_THAT(complaint(script_),
              HasSubstr("everybody may write to the folder " + folder_ + ": chmod o-w"));
  chmod(folder_.c_str(), 01777);
  EXPECT_EQ(complaint(script_), "") << "as in /tmp, where nobody can replace another's file";
}

TEST_F(ScriptSafety, RefusesWhatAGroupMayWriteToUnlessItIsRoots) {
  chmod(script_.c_str(), 0775);
  EXPECT_EQ(complaint(script_), "");
  ASSERT_EQ(chown(script_.c_str(), 0, kSomeGroup), 0);
  EXPECT_THAT(complaint(script_),
              HasSubstr("the group 65532 may write to " + script_ + ": chmod g-w"));
}

TEST_F(ScriptSafety, RefusesWhatBelongsToAnother) {
  ASSERT_EQ(chown(folder_.c_str(), kSomebody, 0), 0);
  EXPECT_THAT(complaint(script_), HasSubstr("the folder " + folder_ +
                                            " belongs to 65533, neither to root "
                                            "nor to nobody, who runs the script: chown root " +
                                            folder_));
}

TEST_F(ScriptSafety, FollowsLinksAndDistrustsOthers) {
  const std::string link = folder_ + "/link";
  ASSERT_EQ(symlink("inner/../inner/tell", link.c_str()), 0);
  EXPECT_EQ(complaint(link), "");
  chmod((folder_ + "/inner").c_str(), 0757);
  EXPECT_THAT(complaint(link),
              HasSubstr("everybody may write to the folder " + folder_ + "/inner"));
  chmod((folder_ + "/inner").c_str(), 0755);
  ASSERT_EQ(lchown(link.c_str(), kSomebody, 0), 0);
  EXPECT_THAT(complaint(link), HasSubstr(link + " belongs to 65533"));
  const std::string circle = folder_ + "/circle";
  ASSERT_EQ(symlink(circle.c_str(), circle.c_str()), 0);
  EXPECT_THAT(complaint(circle), HasSubstr("in a circle"));
}

TEST_F(ScriptSafety, RefusesWhatTheUserCannotRun) {
  chmod(script_.c_str(), 0744);
  EXPECT_THAT(complaint(script_), HasSubstr("nobody may not run " + script_ + ": chmod 0755"));
  chmod(script_.c_str(), 0750);
  ASSERT_EQ(chown(script_.c_str(), 0, kSomeGroup), 0);
  EXPECT_EQ(complaint(script_), "") << "by a group besides its first";
  chmod(folder_.c_str(), 0700);
  EXPECT_THAT(complaint(script_), HasSubstr("nobody may not enter the folder " + folder_));
  user_.credentials = {};
  EXPECT_EQ(complaint(script_), "") << "root may";
  chmod(script_.c_str(), 0644);
  EXPECT_THAT(complaint(script_), HasSubstr("may not run")) << "what nobody may run, root may not";
}

TEST_F(ScriptSafety, RefusesWhatIsNoScript) {
  EXPECT_THAT(complaint(script_ + "s"), HasSubstr("cannot look at " + script_ + "s: No such file"));
  EXPECT_THAT(complaint(folder_), HasSubstr("is a folder"));
  ASSERT_EQ(mkfifo((folder_ + "/pipe").c_str(), 0755), 0);
  EXPECT_THAT(complaint(folder_ + "/pipe"), HasSubstr("is no file"));
  EXPECT_THAT(complaint("./tell"), HasSubstr("whole path"));
}

TEST(FindProgram, LooksInTheFoldersOfPath) {
  EXPECT_EQ(find_program("/anything").value(), "/anything");
  EXPECT_THAT(find_program("sh").value(), HasSubstr("bin/sh"));
  EXPECT_THAT(find_program("no-such-program").error().message, HasSubstr("whole path"));
}

TEST(FindScriptUser, KnowsAccountsAndItself) {
  EXPECT_TRUE(find_script_user("root").value().is_daemon);
  const auto nobody = find_script_user("nobody");
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(nobody->is_daemon);
  EXPECT_EQ(nobody->change()->user, kNobody);
  const auto missing = find_script_user("no-such-user");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no user no-such-user"));
}

}  // namespace
}  // namespace hapair::vrrp
