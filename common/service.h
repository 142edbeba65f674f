// How a daemon lives on its host: background, pid file, privileges, readiness. Thin system calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/error.h"

namespace hapair {

/// Exit codes of every program here.
inline constexpr int kExitGood = 0;
inline constexpr int kExitBadConfiguration = 1;
inline constexpr int kExitCannotStart = 2;

/// Goes to the background. The parent stays until ready() or the child's end, and exits with 0 or
/// the child's exit code, so that a start script sees a port that is taken.
class Daemonizer {
 public:
  /// Forks; returns in the child. Errors leave the caller in the foreground.
  static Result<Daemonizer> detach();
  Daemonizer() = default;
  Daemonizer(Daemonizer&& other) noexcept;
  Daemonizer& operator=(Daemonizer&& other) noexcept;
  ~Daemonizer();
  /// Lets the parent go with exit code 0 and closes the standard streams.
  void ready();

 private:
  int pipe_ = -1;
  int null_ = -1;  // /dev/null, which a chroot hides
};

/// A pid file that is removed when its owner ends in good order. Held with a lock: a second daemon
/// with the same file is refused, and the message names the pid that has it.
class Pidfile {
 public:
  static Result<Pidfile> create(const std::string& path);
  Pidfile() = default;
  Pidfile(Pidfile&& other) noexcept;
  Pidfile& operator=(Pidfile&& other) noexcept;
  ~Pidfile();
  /// Writes the pid of the calling process (again, after a fork).
  Result<void> write();

 private:
  std::string path_;
  int fd_ = -1;
  int owner_ = 0;  // the process whose pid the file holds
};

/// SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2, which would end a daemon that does not watch for
/// them yet, or no more, wait from hold_signals() to release_signals(): that is for when the watchers
/// are there.
/// Of the calling thread and those it starts; an exec keeps it.
void hold_signals();
void release_signals();

struct Identity {
  std::string user;    // empty: unchanged
  std::string group;   // empty: the user's own
  std::string chroot;  // empty: none
};

/// Enters the chroot and becomes the user, in that order, after everything privileged is done.
Result<void> drop_privileges(const Identity& identity);

/// Raises the soft descriptor limit as far as needed and allowed. Answers the limit now in force.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

/// sd_notify(3) without the library: silently nothing when NOTIFY_SOCKET is not set. Say something
/// ("STATUS=…") before a chroot: the first call opens the socket, which later ones keep.
void notify_service_manager(std::string_view state);  // "READY=1", "WATCHDOG=1", "STATUS=…"
/// Half of WATCHDOG_USEC, or zero when no watchdog is wanted.
Duration watchdog_interval();

}  // namespace hapair
