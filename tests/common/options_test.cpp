#include "common/options.h"

#include <gtest/gtest.h>

namespace hapair {
namespace {

Result<DaemonOptions> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "hapair-proxy");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()), argv.data());
}

TEST(Options, HaveDefaults) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->files, std::vector<std::string>{"/etc/hapair/hapair.toml"});
  EXPECT_FALSE(options->node.empty());
  EXPECT_EQ(options->node.find('.'), std::string::npos);
  EXPECT_FALSE(options->check || options->daemonize || options->debug);
}

TEST(Options, AreReadShortAndLong) {
  const auto brief = parse({"-f", "a.toml", "-fb.toml", "-c", "-D", "-p", "/run/x.pid"});
  ASSERT_TRUE(brief);
  EXPECT_EQ(brief->files, (std::vector<std::string>{"a.toml", "b.toml"}));
  EXPECT_TRUE(brief->check && brief->daemonize);
  EXPECT_EQ(brief->pidfile, "/run/x.pid");
  const auto full = parse({"--config=a.toml", "--config", "b.toml", "--check", "--daemon",
                           "--pidfile=/run/x.pid", "--node", "hap1"});
  ASSERT_TRUE(full);
  EXPECT_EQ(full->files, brief->files);
  EXPECT_TRUE(full->check && full->daemonize);
  EXPECT_EQ(full->node, "hap1");
  EXPECT_TRUE(parse({"-V"})->version);
  EXPECT_TRUE(parse({"--help"})->help);
  EXPECT_NE(help_text("p", "does", "  SIGUSR1  x\n")
                .find("SIGHUP   read the configuration again\n  SIGUSR1  x\n"),
            std::string::npos);
}

TEST(Options, OfDebuggingStayInTheForeground) {
  EXPECT_FALSE(parse({"-d", "-D"})->daemonize);
  EXPECT_TRUE(parse({"-d"})->debug);
}

TEST(Options, NameWhatIsWrong) {
  EXPECT_EQ(parse({"--chekc"}).error().message,
            "unknown option --chekc: did you mean --check? See --help");
  EXPECT_EQ(parse({"-x"}).error().message, "unknown option -x; see --help");
  EXPECT_EQ(parse({"-f"}).error().message, "-f needs a value; see --help");
  EXPECT_EQ(parse({"--node"}).error().message, "--node needs a value; see --help");
  EXPECT_EQ(parse({"--check=yes"}).error().message, "--check=yes takes no value; see --help");
  EXPECT_EQ(
      parse({"hapair.toml"}).error().message,
      "unexpected argument 'hapair.toml' (a configuration file is given with -f); see --help");
}

}  // namespace
}  // namespace hapair
