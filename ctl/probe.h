// Asks the virtual address again and again, as visitors would, while something is broken.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/address.h"
#include "common/error.h"
#include "ctl/probe_record.h"

namespace hapair::ctl {

/// Where a probe goes, and what it asks.
struct ProbeTarget {
  SocketAddress address;
  std::string request;  // of HTTP; empty: that a connection is made is good enough
  std::string name;     // as it was given

  /// "http://192.168.50.10[:80][/path]", "192.168.50.10:80", "[2001:db8::10]:80". Addresses only: a
  /// name would be looked up.
  static Result<ProbeTarget> parse(std::string_view text);
};

/// A fresh connection every 5 ms, each with a second to be answered, on a thread of its own. Every
/// member may be called from whoever made it.
class Probe {
 public:
  static constexpr Duration kInterval = std::chrono::milliseconds(5);
  static constexpr Duration kLimit = std::chrono::seconds(1);

  explicit Probe(ProbeTarget target);
  /// Ends as stop() does.
  ~Probe();

  ProbeRecord record() const;
  /// Begins no further try and waits for those under way: kLimit at most.
  void stop();

 private:
  /// A try that is under way.
  struct Try {
    int fd = -1;
    std::size_t number = 0;
    TimePoint began{};
    bool asked = false;  // connected, and the request is sent
    std::string answer;
  };
  void run();
  void launch(TimePoint now);
  /// Whether it is over.
  bool advance(Try& one, short events);
  bool finish(const Try& one, bool good);

  const ProbeTarget target_;
  mutable std::mutex mutex_;  // of record_
  ProbeRecord record_;
  std::vector<Try> tries_;  // the thread's
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace hapair::ctl
