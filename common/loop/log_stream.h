// Log lines over a connection: TCP, or a Unix stream socket.
#pragma once

#include "common/loop/log_sink.h"

namespace hapair {

/// Connects by itself, and again when the connection breaks. Meanwhile, and while the other side
/// does not read, lines are kept up to a bound; the newest above it are lost. A line that was cut by
/// the end of a connection is lost, so every connection begins with a whole one.
class LogStream final : public LogSink, private Watcher {
 public:
  LogStream(Loop& loop, const LogTarget& where, const LogSpeaker& speaker);
  ~LogStream() override;
  Outcome flush() override;
  std::uint64_t finish() override;
  std::uint64_t leave() override;

 private:
  enum class State { Closed, Connecting, Open };

  void on_ready(std::uint32_t events) override;
  void connect();
  void on_due();
  void fail();
  void send();

  Loop& loop_;
  Timer timer_;  // for a connection that takes too long, or the next attempt
  State state_ = State::Closed;
  int fd_ = -1;
  std::size_t partial_ = 0;  // bytes of the first line that are gone already
  std::uint64_t lost_ = 0;   // since the last flush
};

}  // namespace hapair
