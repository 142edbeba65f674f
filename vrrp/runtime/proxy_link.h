// Listens to the proxy's heartbeat.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "common/error.h"
#include "common/loop/loop.h"
#include "vrrp/core/proxy_watch.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Connects to the health socket, again and again while nobody is there, and tells when what it knows
/// of the proxy has changed. Lives on its loop's thread.
class ProxyLink final : private Watcher {
 public:
  ProxyLink(Loop& loop, std::string path, ProxyWatch::Settings settings,
            std::function<void()> on_change);
  ~ProxyLink();

  const ProxyWatch& watch() const { return watch_; }
  /// One of the words of a listener: kHealthLeft, kHealthTaken.
  void say(std::string_view word);
  struct Process {
    int pid = 0;
    FileDescriptor fd;  // a pidfd: whatever is sent there cannot hit another
  };
  /// Whoever listens there; an error tells why that is not known.
  Result<Process> process() const;

 private:
  void on_ready(std::uint32_t) override;
  void hear();
  void connect();
  void disconnect();
  void on_due();
  void settle();

  Loop& loop_;
  const std::string path_;
  ProxyWatch watch_;
  std::function<void()> on_change_;
  Timer timer_;
  TimePoint retry_at_ = kNever;
  FileDescriptor fd_;
  std::string told_;  // what was wrong when on_change was called last
  std::array<char, 16 * 1024> buffer_{};
};

}  // namespace hapair::vrrp
