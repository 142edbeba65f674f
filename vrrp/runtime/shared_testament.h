// The memory that the daemon and its guardian share: a heartbeat, and what to do when it ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "common/clock.h"
#include "common/error.h"
#include "vrrp/core/testament.h"
#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

/// The daemon writes, the guardian reads. Written so that a daemon may be killed between any two
/// instructions: there are two copies of the testament, and the one that counts is changed by a single
/// store after the other is complete.
class SharedTestament {
 public:
  static constexpr std::size_t kRoom = 256 * 1024;  // of one testament

  static Result<std::unique_ptr<SharedTestament>> create();
  /// The same memory in another process, by its descriptor.
  static Result<std::unique_ptr<SharedTestament>> open(int fd);
  ~SharedTestament();
  SharedTestament(const SharedTestament&) = delete;
  SharedTestament& operator=(const SharedTestament&) = delete;

  int fd() const { return fd_.value(); }

  // The daemon's side.
  void beat(TimePoint now);
  void set_patience(Duration patience);
  void allow_until(TimePoint then);
  /// False: it is too large, and the one before stays.
  bool publish(const Testament& testament);
  void dismiss();

  // The guardian's side.
  TimePoint last_beat() const;
  TimePoint allowed_until() const;
  Duration patience() const;
  bool is_dismissed() const;
  /// Nothing: none was ever published.
  std::optional<Testament> testament() const;

 private:
  struct Layout;
  SharedTestament(FileDescriptor fd, Layout* layout);
  static Result<std::unique_ptr<SharedTestament>> map(FileDescriptor fd);

  FileDescriptor fd_;
  Layout* layout_;
};

}  // namespace hapair::vrrp
