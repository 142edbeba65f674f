// Hears of changes to one file, of whatever has its name by then.
#pragma once

#include <optional>
#include <string>

#include "common/error.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// Watches the file and its folder through inotify: it may be written, replaced, removed, made
/// anew, or be a link to a file elsewhere. Nothing is heard before the first place().
class FileWatch {
 public:
  /// `path` is absolute. An error tells why the kernel allows no more.
  static Result<FileWatch> open(std::string path);

  enum class News {
    None,
    Touched,  // it may be another file by now, or is being written
    Written,  // somebody has finished writing it, or put a finished one in its place
  };
  /// For the loop: readable when take() has something.
  int fd() const { return fd_.value(); }
  /// What has happened since, of one batch of events; nothing when there is none.
  std::optional<News> take();

  /// Watches what has the name now. To be called before each look at the file, else changes are
  /// missed. False: there is no folder, and nothing will be heard. May wait for a disk: another
  /// thread's, one at a time; it shares nothing with take().
  bool place();

 private:
  FileWatch(FileDescriptor fd, std::string path);

  FileDescriptor fd_;
  std::string path_, folder_, name_;
  int file_ = -1;  // place()'s: the watch of the file itself
};

}  // namespace hapair::vrrp
