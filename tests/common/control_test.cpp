#include "common/control.h"

#include <gtest/gtest.h>

#include <array>

namespace hapair::control {
namespace {

using namespace std::chrono_literals;

constexpr std::array kVerbs = {
    Verb{"get weight <b>/<s>", "tell a server's weight", Level::User},
    Verb{"set weight <b>/<s> <n>", "change a server's weight", Level::Admin},
    Verb{"show errors [<proxy>]", "show what was invalid", Level::Operator},
    Verb{"show info [typed|json]", "tell about the process", Level::User},
    Verb{"show stat", "show the counters", Level::User},
};

/// Carries every command out by repeating it.
std::string talk(std::string_view bytes, Level level = Level::Admin, bool ends = false) {
  Conversation conversation(kVerbs, level, 10s);
  conversation.on_bytes(bytes);
  if (ends) conversation.on_end();
  while (const auto line = conversation.next()) {
    std::string text = fmt::format("#{}", line->verb);
    for (const std::string& word : line->words) text += "|" + word;
    conversation.on_answer(text);
  }
  return conversation.output() + (conversation.is_over() ? "<end>" : "");
}

TEST(Control, AnswersOneLineAndEnds) {
  EXPECT_EQ(talk("show info\n"), "#3|show|info\n\n<end>");
  EXPECT_EQ(talk("show info typed\r\n"), "#3|show|info|typed\n\n<end>");
}

TEST(Control, WaitsForTheEndOfALine) {
  EXPECT_EQ(talk("show in"), "");
  EXPECT_EQ(talk(""), "");
}

TEST(Control, AnswersALineThatEndsWithTheClient) {
  EXPECT_EQ(talk("show info", Level::User, /*ends=*/true), "#3|show|info\n\n<end>");
  EXPECT_EQ(talk("", Level::User, /*ends=*/true), "<end>");
}

TEST(Control, GivesTheSameAnswersHoweverTheBytesAreCut) {
  const std::string text = "get weight a/b; show info\nshow stat\n";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    Conversation conversation(kVerbs, Level::User, 10s);
    std::vector<std::size_t> heard;
    for (const auto& part : {text.substr(0, cut), text.substr(cut)}) {
      conversation.on_bytes(part);
      while (const auto line = conversation.next()) {
        heard.push_back(line->verb);
        conversation.on_answer("");
      }
    }
    // Only a line of which nothing had come when the first was answered is not awaited.
    EXPECT_EQ(heard.size(), cut == text.find('\n') + 1 ? 2u : 3u) << cut;
    EXPECT_TRUE(conversation.is_over());
  }
}

TEST(Control, EndsEveryAnswerWithAnEmptyLine) {
  EXPECT_EQ(talk("get weight a/b;show info\n"), "#0|get|weight|a/b\n\n#3|show|info\n\n<end>");
  Conversation conversation(kVerbs, Level::Admin, 10s);
  conversation.on_bytes("set weight a/b 1\n");
  ASSERT_TRUE(conversation.next());
  conversation.on_answer("");
  EXPECT_EQ(conversation.output(), "\n");
}

TEST(Control, TakesNoCommandBeforeTheLastIsAnswered) {
  Conversation conversation(kVerbs, Level::User, 10s);
  conversation.on_bytes("show stat;show info\n");
  ASSERT_EQ(conversation.next()->verb, 4u);
  EXPECT_TRUE(conversation.is_waiting_for_answer());
  EXPECT_FALSE(conversation.next());
  EXPECT_FALSE(conversation.is_over());
  conversation.on_answer("a\n");
  ASSERT_EQ(conversation.next()->verb, 3u);
}

TEST(Control, SplitsAtBlanksAndSemicolonsUnlessTheyAreQuoted) {
  using Commands = std::vector<std::vector<std::string>>;
  EXPECT_EQ(split_commands("  a \t b  ;c"), (Commands{{"a", "b"}, {"c"}}));
  EXPECT_EQ(split_commands("a\\ b\\;c\\\\"), (Commands{{"a b;c\\"}}));
  EXPECT_EQ(split_commands("a;;b; "), (Commands{{"a"}, {"b"}}));
  EXPECT_EQ(split_commands(" ; "), (Commands{{}}));
  EXPECT_EQ(split_commands(""), (Commands{{}}));
}

// Observed: "prompt" answers with an empty line and "> ", and so ends every answer from then on.
TEST(Control, StaysWithAPrompt) {
  EXPECT_EQ(talk("prompt\n"), "\n> ");
  EXPECT_EQ(talk("prompt\nget weight a/b\nquit\nshow info\n"), "\n> #0|get|weight|a/b\n\n> <end>");
  EXPECT_EQ(talk("prompt\nprompt\n"), "\n> \n<end>");
  EXPECT_EQ(talk("prompt i\nshow info\n"), "\n#3|show|info\n\n");
  EXPECT_EQ(talk("prompt p\nprompt n\n"), "\n> \n<end>");
  EXPECT_NE(talk("prompt x\n").find("prompt takes"), std::string::npos);
  EXPECT_EQ(talk("prompt\n", Level::User, /*ends=*/true), "\n> <end>");
}

TEST(Control, QuitEndsAtOnce) {
  EXPECT_EQ(talk("quit;show info\n"), "<end>");
  EXPECT_EQ(talk("get weight a/b;quit;show info\n"), "#0|get|weight|a/b\n\n<end>");
}

TEST(Control, HoldsEveryLevelToItsCommands) {
  EXPECT_EQ(talk("set weight a/b 1\n", Level::Operator), "Permission denied\n\n<end>");
  EXPECT_EQ(talk("show errors\n", Level::User), "Permission denied\n\n<end>");
  EXPECT_EQ(talk("show errors\n", Level::Operator), "#2|show|errors\n\n<end>");
}

TEST(Control, LowersItsLevelAndNeverRaisesIt) {
  EXPECT_EQ(talk("user;set weight a/b 1\n"), "\nPermission denied\n\n<end>");
  EXPECT_EQ(talk("operator;show cli level\n"), "\noperator\n\n<end>");
  EXPECT_EQ(talk("operator\n", Level::User), "Permission denied\n\n<end>");
}

TEST(Control, ListsWhatMayHaveBeenMeant) {
  const std::string answer = talk("show inof\n");
  EXPECT_EQ(answer,
            "Unknown command, but maybe one of the following ones is a better match:\n"
            "  show info [typed|json]                  : tell about the process\n"
            "  help [<command>]                        : list matching or all commands\n"
            "  prompt [n|i|p]                          : stay connected: no, yes, yes with a prompt "
            "(default: toggle)\n"
            "  quit                                    : disconnect\n\n<end>");
  EXPECT_NE(talk("shwo stat\n").find("  show stat  "), std::string::npos);
  EXPECT_NE(talk("show\n").find("  show errors [<proxy>]  "), std::string::npos);
  EXPECT_EQ(talk("show\n").find("  get weight"), std::string::npos);
}

TEST(Control, ListsEverythingWhenNothingIsLikeIt) {
  for (const char* line : {"frobnicate\n", "\n", ";\n"}) {
    const std::string answer = talk(line);
    EXPECT_TRUE(answer.starts_with(
        "Unknown command. Please enter one of the following commands only:\n  get weight <b>/<s>"))
        << answer;
    EXPECT_NE(answer.find("  user  "), std::string::npos);
  }
}

TEST(Control, HelpsWithWhatTheLevelAllows) {
  const std::string all = talk("help\n");
  EXPECT_TRUE(all.starts_with("The following commands are valid at this level:\n")) << all;
  EXPECT_NE(all.find("set weight"), std::string::npos);
  EXPECT_EQ(talk("help\n", Level::User).find("set weight"), std::string::npos);
  const std::string topic = talk("help show\n");
  EXPECT_NE(topic.find("show info"), std::string::npos);
  EXPECT_EQ(topic.find("get weight"), std::string::npos);
}

TEST(Control, ChangesItsTimeout) {
  Conversation conversation(kVerbs, Level::User, 10s);
  conversation.on_bytes("set timeout cli 60;set timeout cli 500ms\n");
  EXPECT_FALSE(conversation.next());
  EXPECT_EQ(conversation.timeout(), 500ms);
  EXPECT_EQ(conversation.output(), "\n\n");
  EXPECT_NE(talk("set timeout cli never\n").find("Invalid timeout 'never'"), std::string::npos);
  EXPECT_NE(talk("set timeout cli 0\n").find("Invalid timeout '0'"), std::string::npos);
  EXPECT_NE(talk("set timeout\n").find("Usage"), std::string::npos);
}

TEST(Control, BeginsNoCommandWhileMuchWaitsToBeSent) {
  Conversation conversation(kVerbs, Level::Admin, 10s);
  std::string line;
  for (int i = 0; i < 2000; ++i) line += "help;";
  const std::size_t one = talk("help\n").size();
  conversation.on_bytes(line + "\n");
  std::size_t sent = 0;
  while (!conversation.is_over()) {
    EXPECT_FALSE(conversation.next());
    EXPECT_LT(conversation.output().size(), Conversation::kEnoughOutput + one);
    sent += conversation.output().size();
    conversation.output().clear();
  }
  EXPECT_EQ(sent, 2000 * (one - std::string_view("<end>").size()));
}

TEST(Control, RefusesALineWithoutEnd) {
  EXPECT_EQ(talk(std::string(Conversation::kLongestLine, 'x')), "");
  for (const char* end : {"", "\n"})
    EXPECT_EQ(talk(std::string(Conversation::kLongestLine + 1, 'x') + end),
              "Command line too long: more than 16384 bytes.\n\n<end>");
}

// ---- HTTP, where the owner has pages

constexpr std::array kPages = {Page{"/stat", "show stat", "text/x-stat"},
                               Page{"/errors", "show errors", "text/plain"}};

std::string browse(std::string_view bytes, Level level = Level::User, bool ends = false) {
  Conversation conversation(kVerbs, level, 10s, kPages);
  conversation.on_bytes(bytes);
  if (ends) conversation.on_end();
  while (const auto line = conversation.next())
    conversation.on_answer(fmt::format("#{}\n", line->verb));
  return conversation.output() + (conversation.is_over() ? "<end>" : "");
}

TEST(Control, AnswersAPageAndEnds) {
  const std::string page =
      "HTTP/1.0 200 OK\r\nContent-Type: text/x-stat\r\nContent-Length: 3\r\nCache-Control: "
      "no-store\r\n"
      "Connection: close\r\n\r\n#4\n<end>";
  EXPECT_EQ(browse("GET /stat HTTP/1.1\r\nHost: x\r\n\r\n"), page);
  EXPECT_EQ(browse("GET /stat?a=b HTTP/1.0\n\n"), page);
  EXPECT_EQ(browse("GET /stat HTTP/1.0", Level::User, /*ends=*/true), page);
}

TEST(Control, WaitsForTheEndOfAHead) {
  const std::string request = "GET /stat HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t size = 1; size < request.size(); ++size)
    EXPECT_EQ(browse(request.substr(0, size)), "") << size;
}

TEST(Control, TakesNothingThatComesWithHttpForACommand) {
  const std::string hidden = browse(
      "POST /stat HTTP/1.1\r\nshow stat\r\nContent-Length: 10\r\n\r\nshow stat\nGET /stat "
      "HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(hidden.starts_with("HTTP/1.0 405 Method Not Allowed\r\nAllow: GET\r\n")) << hidden;
  EXPECT_EQ(hidden.find("#4"), hidden.npos);
  EXPECT_EQ(hidden.find("HTTP/1.0", 1), hidden.npos);
}

TEST(Control, NamesThePagesThereAre) {
  const std::string missing = browse("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(missing.starts_with("HTTP/1.0 404 Not Found\r\n")) << missing;
  EXPECT_TRUE(
      missing.ends_with("\r\n\r\nThere is no such page here. There are:\n/stat\n/errors\n<end>"));
}

TEST(Control, HoldsPagesToTheLevelOfTheirCommands) {
  EXPECT_TRUE(browse("GET /errors HTTP/1.1\r\n\r\n").starts_with("HTTP/1.0 403 Forbidden\r\n"));
  EXPECT_TRUE(browse("GET /errors HTTP/1.1\r\n\r\n", Level::Operator).starts_with("HTTP/1.0 200 "));
}

TEST(Control, RefusesAHeadWithoutEnd) {
  std::string request = "GET /stat HTTP/1.1\r\n";
  for (int i = 0; i < 100; ++i) request += "X: " + std::string(200, 'x') + "\r\n";
  EXPECT_TRUE(browse(request).starts_with("HTTP/1.0 431 "));
  EXPECT_TRUE(browse("GET /stat HTTP/1.1\r\nX: " + std::string(Conversation::kLongestLine, 'x'))
                  .starts_with("HTTP/1.0 431 "));
}

TEST(Control, SpeaksHttpOnlyFromTheFirstLineOn) {
  EXPECT_EQ(browse("show stat\nGET /stat HTTP/1.1\r\n\r\n").substr(0, 4), "#4\n\n");
  EXPECT_EQ(browse("show stat\nGET /stat HTTP/1.1\r\n\r\n").find("HTTP/1.0 200"),
            std::string::npos);
}

TEST(Control, KnowsNoHttpWhereThereAreNoPages) {
  EXPECT_TRUE(talk("GET /stat HTTP/1.1\r\n").starts_with("Unknown command"));
}

TEST(Control, TellsARequestLineFromACommand) {
  for (const char* line : {"show stat", "GET /stat", " /stat HTTP/1.1", "GET /stat HTTP/2", ""})
    EXPECT_FALSE(parse_request_line(line)) << line;
  const auto line = parse_request_line("GET /a b?c HTTP/1.1");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->path, "/a b");
}

}  // namespace
}  // namespace hapair::control
