// Runs a command in a process group of its own and tells how it ended.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/error.h"
#include "common/loop/loop.h"

namespace hapair {

/// How a command ended: exited with a status, killed by a signal, or not started at all.
struct ExitReport {
  int status = 0;      // exit status, if signal is 0 and error empty
  int signal = 0;      // the signal that ended it, or 0
  bool timed_out = false;
  std::string error;   // why it could not be started; empty otherwise
  bool succeeded() const { return error.empty() && !timed_out && signal == 0 && status == 0; }
};

/// Destroying it kills the whole process group and calls nothing.
class Subprocess {
 public:
  /// Starts argv[0] (searched in PATH) with no input and its output discarded. If it has not ended
  /// after `timeout`, its process group gets SIGTERM, then SIGKILL a second later, and the report says timed_out.
  /// `on_exit` is called once, from the loop, never from within the constructor.
  /// `environment` ("NAME=VALUE") is all the command sees of one; none: ours.
  Subprocess(Loop& loop, std::vector<std::string> argv, std::vector<std::string> environment,
             Duration timeout, std::function<void(const ExitReport&)> on_exit);
  Subprocess(Loop& loop, std::vector<std::string> argv, Duration timeout,
             std::function<void(const ExitReport&)> on_exit);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

 private:
  struct Impl;
  Impl* impl_;  // freed by the loop once the handle is closed
};

}  // namespace hapair
