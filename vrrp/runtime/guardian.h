// The guardian, as the daemon sees it: a process that carries out the daemon's testament when it dies,
// and ends it when it hangs.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/core/testament.h"
#include "vrrp/net/file_descriptor.h"
#include "vrrp/runtime/shared_testament.h"

namespace hapair::vrrp {

/// Starts the process, keeps telling it that all is well and what to do otherwise, and starts another
/// one when it dies. Lives on its loop's thread.
class Guardian {
 public:
  struct Settings {
    Duration patience;  // a daemon that is silent for longer hangs
    std::vector<LogTarget> log;  // where its one line goes
  };
  /// An error tells why there can be none.
  static Result<std::unique_ptr<Guardian>> start(Loop& loop, Settings settings, Logger& log);
  /// The daemon ends in good order: nothing is left to be done.
  ~Guardian();

  void publish(const Testament& testament);
  /// Other instances: another patience.
  void set_patience(Duration patience);
  /// So long nothing is taken for a hang: the process is about to become another program.
  void allow(Duration silence) { shared_->allow_until(steady_now() + silence); }
  /// Nothing is any more: it stayed this program.
  void allow_no_more() { shared_->allow_until(loop_.now()); }
  int pid() const { return pid_; }
  /// Descriptor of the memory that is shared with it, for a successor to dismiss it by.
  int shared() const { return shared_->fd(); }

 private:
  /// Hears of the guardian's end.
  class Watch final : public Watcher {
   public:
    explicit Watch(Guardian& guardian) : guardian_(guardian) {}
    void on_ready(std::uint32_t) override { guardian_.on_death(); }

   private:
    Guardian& guardian_;
  };

  Guardian(Loop& loop, Settings settings, Logger& log);
  Result<void> spawn();
  void on_death();
  void beat();

  Loop& loop_;
  Settings settings_;
  Logger& log_;
  std::unique_ptr<SharedTestament> shared_;
  Watch watch_{*this};
  Timer beat_timer_;
  Timer respawn_timer_;
  FileDescriptor process_;  // of the guardian
  int pid_ = -1;
};

/// What the program is told to be instead of the daemon; the rest of the words is the guardian's.
inline constexpr std::string_view kGuardianWord = "--guardian";
/// The guardian's own life. `words` are those that Guardian gave it. Answers the exit code.
int guard(std::span<char* const> words);

}  // namespace hapair::vrrp
