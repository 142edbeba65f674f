// Runs a command in a process group of its own and tells how it ended.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/loop/loop.h"

namespace hapair {

/// Whose rights a command has. No group and no capability of ours stays with it.
struct Credentials {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // besides `group`
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

struct Command {
  std::vector<std::string> argv;             // argv[0] is searched in PATH
  std::vector<std::string> environment;      // "NAME=VALUE": all it sees of one; empty: ours
  std::optional<Credentials> credentials{};  // absent: ours
};

/// How a command ended: exited with a status, killed by a signal, or not started at all.
struct ExitReport {
  int status = 0;      // exit status, if signal is 0 and error empty
  int signal = 0;      // the signal that ended it, or 0
  bool timed_out = false;
  std::string error;   // why it could not be started; empty otherwise
  int refused = 0;     // errno: for want of something here, the command was not even tried
  bool succeeded() const { return error.empty() && !timed_out && signal == 0 && status == 0; }
};

/// Destroying it kills the whole process group and calls nothing. Lives on its loop's thread.
class Subprocess {
 public:
  /// Starts the command with no input and its output discarded; does not wait for it to begin. If
  /// it has not ended after `timeout`, its process group gets SIGTERM, then SIGKILL a second later,
  /// and the report says timed_out. `on_exit` is called once, from the loop, never from within the
  /// constructor; it may destroy the Subprocess.
  Subprocess(Loop& loop, Command command, Duration timeout,
             std::function<void(const ExitReport&)> on_exit);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  /// It goes on without us, for as long as it likes; nobody hears of its end.
  void let_go();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hapair
