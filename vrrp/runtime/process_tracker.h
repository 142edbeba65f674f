// Minds whether enough processes of a name, or the one of a pid file, run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/core/quorum.h"
#include "vrrp/net/process_table.h"
#include "vrrp/net/small_file.h"
#include "vrrp/runtime/side_thread.h"
#include "vrrp/runtime/tracker.h"

namespace hapair::vrrp {

/// Finds them in /proc and holds a pidfd of each, which tells of its end at once and works in any
/// namespace. While there are too few it searches, a few processes a turn. A pid file's disk may
/// hang: it is read on another thread.
class ProcessTracker final : public Tracker, private Watcher {
 public:
  /// An error tells why the pid file cannot be read apart.
  static Result<std::unique_ptr<ProcessTracker>> open(Loop& loop, Logger& log, TrackProcess process,
                                                      OnReading on_reading);
  ~ProcessTracker() override;

  TrackerKind kind() const override { return TrackerKind::Process; }
  const std::string& name() const override { return process_.name; }
  Reading reading() const override { return Reading::of(quorum_.verdict()); }
  std::string standing() const override;

 private:
  /// Hears of one process's end.
  class Watch final : public Watcher {
   public:
    Watch(ProcessTracker& owner, int pid, FileDescriptor process);
    ~Watch();
    void on_ready(std::uint32_t) override { owner_.on_ended(pid_); }

   private:
    ProcessTracker& owner_;
    int pid_;
    FileDescriptor process_;
  };

  ProcessTracker(Loop& loop, Logger& log, TrackProcess process, OnReading on_reading);
  void on_due();
  void begin_search();
  void search();
  void on_ready(std::uint32_t) override { search(); }  // goes on in another turn
  void on_pidfile();
  void try_process(int pid);
  void end_search();
  void on_ended(int pid);
  void changed(std::optional<Verdict> verdict);
  void rearm();
  /// Said once, until it is mended.
  void complain(const std::string& what);

  const TrackProcess process_;
  Loop& loop_;
  Logger& log_;
  OnReading on_reading_;
  Quorum quorum_;
  std::map<int, Watch> watches_;         // by pid
  std::optional<ProcessSearch> search_;  // under way
  std::shared_ptr<SmallFile> pidfile_;   // the thread's from ask() to on_pidfile()
  std::unique_ptr<SideThread> thread_;   // null: there is none
  std::string told_;
  Timer timer_;
};

}  // namespace hapair::vrrp
