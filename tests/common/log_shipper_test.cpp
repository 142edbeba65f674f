#include "common/loop/log_shipper.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace hapair {
namespace {

/// A UDP port that collects lines.
class Sink {
 public:
  Sink() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_storage address{};
    const SocketAddress any{IpAddress::v4(0x7f000001), 0};
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), any.to_sockaddr(address)), 0);
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() { ::close(fd_); }

  LogTarget target() const {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    LogTarget target;
    target.address = SocketAddress::from(reinterpret_cast<sockaddr*>(&address));
    target.format = LogTarget::Format::Raw;
    return target;
  }
  /// What has arrived, one line a word.
  std::string take() {
    std::string all;
    char bytes[2048];
    for (ssize_t size; (size = ::recv(fd_, bytes, sizeof bytes, 0)) >= 0;)
      all.append(all.empty() ? "" : " ").append(bytes, static_cast<std::size_t>(size));
    return all;
  }

 private:
  int fd_;
};

void put(LogShipper& shipper, LogRoute route, Severity severity, std::string_view text) {
  if (char* at = shipper.begin_line(route, severity, text.size())) {
    std::memcpy(at, text.data(), text.size());
    shipper.end_line(at + text.size());
  }
}

TEST(LogShipper, SendsEachLineToThoseWhoWantIt) {
  Loop loop;
  Sink all, grave;
  LogTarget errors = grave.target();
  errors.level = Severity::Error;
  LogShipper shipper(loop, {all.target(), errors}, "t");
  EXPECT_TRUE(shipper.wants(shipper.main_route(), Severity::Info));
  shipper.write(Severity::Info, "in\nfo");
  shipper.write(Severity::Alert, "alert");
  shipper.flush();
  EXPECT_EQ(all.take(), "in#fo alert");
  EXPECT_EQ(grave.take(), "alert");
  EXPECT_EQ(shipper.dropped(), 0U);
}

TEST(LogShipper, RoutesShareTheTargetsTheyHaveInCommon) {
  Loop loop;
  Sink one, two;
  LogShipper shipper(loop, {one.target()}, "t");
  const LogRoute both = shipper.open({one.target(), two.target(), two.target()});
  const LogRoute second = shipper.open({two.target()});
  EXPECT_EQ(both, shipper.main_route() | second);
  put(shipper, both, Severity::Info, "both");
  put(shipper, second, Severity::Info, "second");
  shipper.write(Severity::Info, "main");
  shipper.flush();
  EXPECT_EQ(one.take(), "both main");
  EXPECT_EQ(two.take(), "both second");
  shipper.close(both);
  put(shipper, second, Severity::Info, "still");
  shipper.close(second);
  EXPECT_EQ(two.take(), "still");  // a target that closes sends what it has
  EXPECT_FALSE(shipper.wants(second, Severity::Emergency));
}

TEST(LogShipper, CutsEveryCopyToItsTargetsLength) {
  Loop loop;
  Sink small, large;
  LogTarget first = small.target(), second = large.target();
  first.length = 80;
  second.length = 100;
  LogShipper shipper(loop, {first, second}, "t");
  shipper.write(Severity::Info, std::string(200, 'x'));
  shipper.flush();
  EXPECT_EQ(small.take(), std::string(80, 'x'));
  EXPECT_EQ(large.take(), std::string(100, 'x'));
}

TEST(LogShipper, SamplesLinesButNotWhatIsWritten) {
  Loop loop;
  Sink sink;
  LogTarget target = sink.target();
  target.sample = {2, 5};
  LogShipper shipper(loop, {target}, "t");
  for (const char* text : {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
    put(shipper, shipper.main_route(), Severity::Info, text);
  shipper.write(Severity::Info, "state");
  shipper.flush();
  EXPECT_EQ(sink.take(), "0 1 5 6 state");
}

TEST(LogShipper, SaysWhichTargetsAreTooMany) {
  Loop loop;
  Sink sink;
  LogShipper shipper(loop, {sink.target()}, "t");
  std::vector<LogTarget> many;
  for (int i = 0; i < 64; ++i)
    many.push_back(*LogTarget::parse("udp:127.0.0.1:" + std::to_string(40000 + i)));
  shipper.open(many);
  shipper.flush();
  EXPECT_EQ(sink.take(), "udp:127.0.0.1:40063 gets no lines: 64 log targets are open already");
}

TEST(LogShipper, CountsWhatNobodyTook) {
  Loop loop;
  LogTarget nowhere = *LogTarget::parse("unix:/nonexistent/log");
  LogShipper shipper(loop, {nowhere}, "t");
  shipper.write(Severity::Info, "a");
  shipper.write(Severity::Info, "b");
  shipper.flush();
  EXPECT_EQ(shipper.dropped(), 2U);
}

/// A Unix socket that comes and goes, as a syslog daemon's does.
class Syslog {
 public:
  explicit Syslog(const std::string& path)
      : path_(path), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  Syslog(const Syslog&) = delete;
  Syslog& operator=(const Syslog&) = delete;
  ~Syslog() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  /// The next line; empty: none.
  std::string take() {
    char bytes[2048];
    const ssize_t size = ::recv(fd_, bytes, sizeof bytes, 0);
    return {bytes, size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

 private:
  const std::string path_;
  int fd_;
};

TEST(LogShipper, TellsAnotherTimeWhatItCouldNotTell) {
  const std::string path = "/tmp/hapair-syslog-" + std::to_string(::getpid());
  LogTarget target = *LogTarget::parse("unix:" + path);
  target.format = LogTarget::Format::Raw;
  Loop loop;
  LogShipper shipper(loop, {target}, "t");
  const auto send = [&](std::string_view line) {
    shipper.write(Severity::Info, line);
    shipper.flush();
  };
  send("a");
  send("b");
  {
    Syslog syslog(path);
    send("c");
    EXPECT_EQ(syslog.take(), "c");
  }
  const TimePoint end = steady_now() + std::chrono::seconds(10);
  while (shipper.dropped() < 3 && steady_now() < end) shipper.flush();
  EXPECT_EQ(shipper.dropped(), 3U);  // the notice
  Syslog syslog(path);
  send("d");
  EXPECT_EQ(syslog.take(), "d");
  std::string told;
  while ((told = syslog.take()).empty() && steady_now() < end) shipper.flush();
  EXPECT_EQ(told, "3 log lines could not be delivered to unix:" + path);
}

TEST(LogShipper, LeavesAStreamThatNobodyReadsAtOnce) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage address{};
  socklen_t length = SocketAddress{IpAddress::v4(0x7f000001), 0}.to_sockaddr(address);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  LogTarget target;
  target.transport = LogTarget::Transport::Tcp;
  target.address = SocketAddress::from(reinterpret_cast<sockaddr*>(&address));
  // The best of three: others have the processor too.
  Duration best = Duration::max();
  for (int round = 0; round < 3; ++round) {
    Loop loop;
    LogShipper shipper(loop, {target}, "t");
    Timer writing(loop, [&] {
      const std::string line(1000, 'x');
      while (shipper.dropped() == 0) {
        for (int i = 0; i < 1000; ++i) shipper.write(Severity::Info, line);
        shipper.flush();
      }
      loop.stop();
    });
    writing.arm(loop.now() + std::chrono::milliseconds(20));  // it is connected by then
    loop.run();
    const TimePoint begun = steady_now();
    shipper.redirect({});
    best = std::min(best, steady_now() - begun);
  }
  EXPECT_LT(best, std::chrono::milliseconds(100));
  ::close(listener);
}

TEST(LogShipper, GoesOverToOtherTargets) {
  Loop loop;
  Sink before, both, after;
  LogShipper shipper(loop, {before.target(), both.target()}, "t");
  shipper.write(Severity::Info, "a");
  shipper.redirect({both.target(), after.target()});
  shipper.write(Severity::Info, "b");
  shipper.flush();
  EXPECT_EQ(before.take(), "a");
  EXPECT_EQ(both.take(), "a b");
  EXPECT_EQ(after.take(), "b");
}

}  // namespace
}  // namespace hapair
