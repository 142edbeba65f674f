#include "common/loop/control_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace hapair {
namespace {

using namespace std::chrono_literals;
using control::Level;

constexpr std::array kVerbs = {control::Verb{"echo <words>", "say it again", Level::User},
                               control::Verb{"big", "say much", Level::User},
                               control::Verb{"later", "take your time", Level::User}};

class Echo final : public ControlOwner {
 public:
  std::span<const control::Verb> verbs() const override { return kVerbs; }
  void carry_out(const control::Line& line, Level, Reply reply) override {
    if (line.verb == 0) return reply(line.words.back());
    if (line.verb == 1) return reply(std::string(4 << 20, 'x'));
    later.push_back(std::move(reply));
  }
  std::vector<Reply> later;
};

/// A server on a loop in a thread of its own.
class ControlServerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("control" + std::to_string(::getpid()) + testing::UnitTest::GetInstance()
                                                            ->current_test_info()->name());
    std::filesystem::create_directory(folder_);
    where_.path = folder_ / "sock";
    where_.timeout = 5s;
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder_);
  }
  void start() {
    server_ = std::make_unique<ControlServer>(loop_, echo_);
    const auto opened = server_->open(where_);
    ASSERT_TRUE(opened) << opened.error().message;
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop() {
    if (thread_.joinable()) {
      loop_.post([this] { loop_.stop(); });
      thread_.join();
    }
    server_.reset();
  }
  int connect() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un raw{};
    raw.sun_family = AF_UNIX;
    std::copy(where_.path.begin(), where_.path.end(), raw.sun_path);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&raw), sizeof raw), 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
  }
  static void send(int fd, std::string_view text) {
    ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  static std::string rest(int fd) {
    std::string text;
    char bytes[65536];
    ssize_t got;
    while ((got = ::recv(fd, bytes, sizeof bytes, 0)) > 0)
      text.append(bytes, static_cast<std::size_t>(got));
    if (got < 0) text += "<error>";
    ::close(fd);
    return text;
  }
  /// Runs on the loop's thread, and waits for it.
  template <typename Work>
  void on_loop(Work work) {
    std::atomic<bool> done = false;
    loop_.post([&] { work(), done = true; });
    while (!done) std::this_thread::yield();
  }
  std::string ask(std::string_view line) const {
    const int fd = connect();
    send(fd, line);
    return rest(fd);
  }

  std::filesystem::path folder_;
  ControlSocket where_;
  Echo echo_;
  Loop loop_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
};

TEST_F(ControlServerTest, AnswersAndCloses) {
  start();
  EXPECT_EQ(ask("echo hello\n"), "hello\n\n");
  EXPECT_EQ(ask("echo a;echo b\necho c\n"), "a\n\nb\n\nc\n\n");
}

TEST_F(ControlServerTest, SendsMuchToAClientThatTakesItsTime) {
  start();
  const int slow = connect();
  send(slow, "big;echo end\n");
  EXPECT_EQ(ask("echo others\n"), "others\n\n");  // nobody waits for the slow one
  const std::string all = rest(slow);
  EXPECT_EQ(all.size(), (4u << 20) + 2 + 5);
  EXPECT_TRUE(all.ends_with("x\n\nend\n\n"));
}

TEST_F(ControlServerTest, ClosesAClientThatNeitherAsksNorListens) {
  where_.timeout = 50ms;
  start();
  const int half = connect(), silent = connect(), deaf = connect();
  send(half, "echo hal");
  send(deaf, "big\n");
  EXPECT_EQ(rest(half), "");
  EXPECT_EQ(rest(silent), "");
  std::this_thread::sleep_for(200ms);  // it must not listen for longer than it may
  const std::string part = rest(deaf);
  EXPECT_LT(part.size(), 4u << 20);
}

TEST_F(ControlServerTest, AnswersLaterAndToAClientThatHungUpNotAtAll) {
  where_.timeout = 50ms;
  start();
  const int patient = connect(), gone = connect();
  send(patient, "later\n");
  send(gone, "later\n");
  const auto count = [&] {
    std::size_t now = 0;
    std::atomic<bool> asked = false;
    loop_.post([&] { now = echo_.later.size(), asked = true; });
    while (!asked) std::this_thread::yield();
    return now;
  };
  while (count() < 2) std::this_thread::sleep_for(1ms);
  ::close(gone);
  std::this_thread::sleep_for(100ms);  // the timeout does not run while the answer is ours to give
  loop_.post([&] {
    for (const auto& reply : echo_.later) reply("at last");
  });
  EXPECT_EQ(rest(patient), "at last\n\n");
}

TEST_F(ControlServerTest, KeepsMoreClientsThanItServesWaiting) {
  start();
  std::vector<int> idle;
  for (std::size_t i = 0; i < ControlServer::kMostClients; ++i) {
    idle.push_back(connect());
    send(idle.back(), "prompt\n");
    char bytes[3];
    ASSERT_EQ(::recv(idle.back(), bytes, 3, MSG_WAITALL), 3);
  }
  const int waiting = connect();
  send(waiting, "echo me too\n");
  char byte;
  EXPECT_EQ(::recv(waiting, &byte, 1, MSG_DONTWAIT), -1);
  ::close(idle.back());
  idle.pop_back();
  EXPECT_EQ(rest(waiting), "too\n\n");
  for (const int fd : idle) ::close(fd);
}

TEST_F(ControlServerTest, HasTheModeThatWasAskedFor) {
  where_.mode = 0640;
  start();
  struct stat made{};
  ASSERT_EQ(::stat(where_.path.c_str(), &made), 0);
  EXPECT_TRUE(S_ISSOCK(made.st_mode));
  EXPECT_EQ(made.st_mode & 0777, 0640u);
  stop();
  EXPECT_FALSE(std::filesystem::exists(where_.path));  // in good order
}

TEST_F(ControlServerTest, GoesOverToOtherSockets) {
  start();
  const int talking = connect();
  ControlSocket other = where_;
  other.path = folder_ / "other";
  where_.mode = 0600;
  on_loop([&] {
    auto change = server_->prepare({other, where_});
    ASSERT_TRUE(change) << change.error().message;
    server_->commit(**change);
  });
  struct stat made {};
  ASSERT_EQ(::stat(where_.path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600u);
  EXPECT_EQ(ask("echo the same\n"), "same\n\n");
  on_loop([&] { server_->commit(**server_->prepare({other})); });
  EXPECT_FALSE(std::filesystem::exists(where_.path));
  where_ = other;
  EXPECT_EQ(ask("echo another\n"), "another\n\n");
  send(talking, "echo still\n");
  EXPECT_EQ(rest(talking), "still\n\n");
}

TEST_F(ControlServerTest, ChangesNothingIfOneOfTheSocketsCannotBe) {
  start();
  ControlSocket other = where_, impossible = where_, same = where_;
  other.path = folder_ / "other";
  same.mode = 0600;
  impossible.path = folder_ / "no" / "such";
  on_loop([&] {
    const auto change = server_->prepare({other, same, impossible});
    ASSERT_FALSE(change);
    EXPECT_EQ(change.error().message,
              "control socket " + impossible.path + ": cannot make it: No such file or directory");
  });
  EXPECT_FALSE(std::filesystem::exists(other.path));
  struct stat made {};
  ASSERT_EQ(::stat(where_.path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, where_.mode);
  EXPECT_EQ(ask("echo the same\n"), "same\n\n");
}

TEST_F(ControlServerTest, ReplacesASocketThatWasLeftBehind) {
  start();
  std::filesystem::rename(where_.path, folder_ / "kept");
  stop();
  std::filesystem::rename(folder_ / "kept", where_.path);
  start();
  EXPECT_EQ(ask("echo hello\n"), "hello\n\n");
}

TEST_F(ControlServerTest, LeavesASocketAloneThatSomebodyUses) {
  start();
  Loop other_loop;
  ControlServer other(other_loop, echo_);
  const auto opened = other.open(where_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, fmt::format("control socket {}: process {} listens there",
                                                where_.path, ::getpid()));
  EXPECT_EQ(ask("echo hello\n"), "hello\n\n");
}

TEST_F(ControlServerTest, LeavesAFileAloneThatIsNoSocket) {
  std::ofstream(where_.path) << "precious";
  ControlServer server(loop_, echo_);
  const auto opened = server.open(where_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("that is no socket"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(where_.path), 8u);
}

TEST_F(ControlServerTest, NamesAnAccountThatDoesNotExist) {
  where_.group = "no-such-group";
  ControlServer server(loop_, echo_);
  const auto opened = server.open(where_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("there is no group \"no-such-group\""), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(where_.path));
}

TEST_F(ControlServerTest, ListensOnLoopbackToo) {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage raw{};
  socklen_t length = SocketAddress{*IpAddress::parse("127.0.0.1"), 0}.to_sockaddr(raw);
  ASSERT_EQ(::bind(probe, reinterpret_cast<sockaddr*>(&raw), length), 0);
  length = sizeof raw;
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&raw), &length);
  ::close(probe);
  where_.path.clear();
  where_.address = SocketAddress::from(reinterpret_cast<sockaddr*>(&raw));
  start();
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&raw), length), 0);
  send(fd, "echo hello\n");
  EXPECT_EQ(rest(fd), "hello\n\n");
}

TEST_F(ControlServerTest, LetsOthersHaveTheirTurnWhileOneClientNeverStopsTalking) {
  start();
  const int flood = connect();
  send(flood, "prompt i\n");
  std::atomic<bool> enough = false;
  std::thread talks([&] {
    std::string junk;
    for (int i = 0; i < 1000; ++i) junk += "frobnicate\n";
    while (!enough && ::send(flood, junk.data(), junk.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  std::thread listens([&] {
    char bytes[65536];
    while (::recv(flood, bytes, sizeof bytes, 0) > 0) {
    }
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask("echo hello\n"), "hello\n\n");
  enough = true;
  ::shutdown(flood, SHUT_RDWR);
  talks.join();
  listens.join();
  ::close(flood);
}

}  // namespace
}  // namespace hapair
