// Minds the number in a file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/net/file_watch.h"
#include "vrrp/net/small_file.h"
#include "vrrp/runtime/side_thread.h"
#include "vrrp/runtime/tracker.h"

namespace hapair::vrrp {

/// The file may be written, replaced, removed or made anew, and its disk may hang: it is looked at
/// on another thread. While it holds no number, the last one counts; while there is none, the
/// initial one.
class FileTracker final : public Tracker, private Watcher {
 public:
  static Result<std::unique_ptr<FileTracker>> open(Loop& loop, Logger& log, TrackFile file,
                                                   OnReading on_reading);
  ~FileTracker() override;

  TrackerKind kind() const override { return TrackerKind::File; }
  const std::string& name() const override { return file_.name; }
  Reading reading() const override { return Reading::of(value_); }
  std::string standing() const override;

 private:
  /// What the thread does: its own from ask() to on_look(), but for the watch's news.
  struct Look {
    FileWatch watch;
    const std::string path;
    bool watched = false;  // changes will be heard
    SmallFile file;
  };

  FileTracker(Loop& loop, Logger& log, TrackFile file, FileWatch watch, OnReading on_reading);
  void on_ready(std::uint32_t events) override;
  void on_look();
  /// What the file says; nothing: what it said.
  std::optional<int> judge(const Result<std::string>& text);
  /// Said once, until something else is.
  void complain(std::string what);

  const TrackFile file_;
  Loop& loop_;
  Logger& log_;
  OnReading on_reading_;
  std::shared_ptr<Look> look_;
  std::unique_ptr<SideThread> thread_;
  Timer timer_;  // to look for a folder that is not there
  std::optional<int> value_;
  bool written_ = true;  // the next look sees a finished file
  std::string told_;
};

}  // namespace hapair::vrrp
