#include "vrrp/runtime/prepared_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace hapair::vrrp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PreparedScriptTest : public ::testing::Test {
 protected:
  PreparedScriptTest() {
    std::string folder = "/tmp/hapair-scripts-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    ::chmod(folder_.c_str(), 0755);
    config_.instances = {{.name = "VI_1", .tracked = {{.name = "chk"}}}};
  }
  ~PreparedScriptTest() override { std::filesystem::remove_all(folder_); }

  std::string make(std::string_view name, unsigned mode) const {
    const std::string path = folder_ + "/" + std::string(name);
    std::ofstream(path) << "#!/bin/sh\n";
    ::chmod(path.c_str(), mode);
    return path;
  }
  Result<PreparedScripts> prepare() { return prepare_scripts(config_, warnings_); }

  std::string folder_;
  Config config_;
  std::vector<std::string> warnings_;
};

TEST_F(PreparedScriptTest, NamesTheProgramThatWasLookedAtAndTheUserThatRunsIt) {
  config_.scripts = {{.name = "chk", .command = {"true", "x"}, .user = "nobody"}};
  const auto prepared = prepare();
  ASSERT_TRUE(prepared) << prepared.error().message;
  const PreparedScript& chk = prepared->at("chk");
  EXPECT_THAT(chk.script.command, ::testing::ElementsAre(HasSubstr("/bin/true"), "x"));
  ASSERT_TRUE(chk.credentials);
  EXPECT_EQ(chk.credentials->user, 65534U);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(PreparedScriptTest, RunsAsTheUserOfAllScriptsUnlessItNamesItsOwn) {
  config_.script_user = "nobody";
  config_.scripts = {{.name = "chk", .command = {"/bin/true"}}};
  EXPECT_EQ(prepare()->at("chk").credentials->user, 65534U);
  config_.scripts[0].user = "root";
  EXPECT_FALSE(prepare()->at("chk").credentials) << "who the daemon is";
}

TEST_F(PreparedScriptTest, IsRefusedByNameWhenOthersCouldChangeIt) {
  config_.scripts = {{.name = "chk", .command = {make("chk.sh", 0757)}}};
  const auto prepared = prepare();
  ASSERT_FALSE(prepared);
  EXPECT_THAT(prepared.error().message,
              HasSubstr("vrrp.script.chk: the script " + folder_ + "/chk.sh"));
  EXPECT_THAT(prepared.error().message, HasSubstr("chmod o-w"));
}

TEST_F(PreparedScriptTest, IsLookedAtOnlyIfSomebodyTracksIt) {
  config_.scripts = {{.name = "chk", .command = {"/bin/true"}},
                     {.name = "other", .command = {make("other.sh", 0777)}}};
  const auto prepared = prepare();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->size(), 1U);
}

}  // namespace
}  // namespace hapair::vrrp
