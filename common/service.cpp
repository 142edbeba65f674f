// How a daemon lives on its host.
#include "common/service.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "common/text.h"

namespace hapair {
namespace {

/// The parent's part of detach(): waits for the word of its child, then ends as it says.
[[noreturn]] void await_child(int pipe, pid_t child) {
  char word = 0;
  ssize_t got;
  do got = read(pipe, &word, 1);
  while (got < 0 && errno == EINTR);
  // _exit: the objects of this process belong to the child now; no destructor may run here.
  if (got == 1) _exit(kExitGood);
  int status = 0;
  pid_t done;
  do done = waitpid(child, &status, 0);
  while (done < 0 && errno == EINTR);
  _exit(done == child && WIFEXITED(status) ? WEXITSTATUS(status) : kExitCannotStart);
}

struct Ids {
  uid_t user;
  gid_t group;
  std::vector<gid_t> groups;
};

Result<Ids> look_up(const Identity& identity) {
  Ids ids{getuid(), getgid(), {}};
  if (!identity.user.empty()) {
    errno = 0;
    if (const passwd* entry = getpwnam(identity.user.c_str())) {
      ids.user = entry->pw_uid;
      ids.group = entry->pw_gid;
    } else if (const auto number = parse_number<uid_t>(identity.user)) {
      ids.user = *number;
      ids.group = *number;
    } else {
      return fail(Errc::NotFound, "there is no user '{}' on this host (global.user)",
                  identity.user);
    }
  }
  if (!identity.group.empty()) {
    if (const ::group* entry = getgrnam(identity.group.c_str())) {
      ids.group = entry->gr_gid;
    } else if (const auto number = parse_number<gid_t>(identity.group)) {
      ids.group = *number;
    } else {
      return fail(Errc::NotFound, "there is no group '{}' on this host (global.group)",
                  identity.group);
    }
  }
  ids.groups = {ids.group};
  if (!identity.user.empty()) {
    int count = 64;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (getgrouplist(identity.user.c_str(), ids.group, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      ids.groups = std::move(groups);
    }
  }
  return ids;
}

/// A datagram socket connected to the service manager, or -1. Kept open: after a chroot its path
/// can no longer be reached, but a connected socket still speaks to it.
int service_manager_socket() {
  static const int descriptor = [] {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (!path || (path[0] != '/' && path[0] != '@')) return -1;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::strlen(path);
    if (length < 2 || length >= sizeof address.sun_path) return -1;
    std::memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0';  // abstract: no file, the length ends the name
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
      close(fd);
      return -1;
    }
    return fd;
  }();
  return descriptor;
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&set, number);
  return set;
}

}  // namespace

void hold_signals() {
  const sigset_t held = watched_signals();
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
}

void release_signals() {
  const sigset_t held = watched_signals();
  pthread_sigmask(SIG_UNBLOCK, &held, nullptr);
}

Result<Daemonizer> Daemonizer::detach() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot go to the background");
  const pid_t child = fork();
  if (child < 0) {
    const int reason = errno;
    close(ends[0]);
    close(ends[1]);
    return fail_errno(reason, "cannot go to the background");
  }
  if (child > 0) {
    close(ends[1]);  // or the end of the child would never be seen
    await_child(ends[0], child);
  }
  close(ends[0]);
  setsid();  // cannot fail in a fresh child: it leads no process group
  Daemonizer daemonizer;
  daemonizer.pipe_ = ends[1];
  daemonizer.null_ = open("/dev/null", O_RDWR | O_CLOEXEC);
  return daemonizer;
}

Daemonizer::Daemonizer(Daemonizer&& other) noexcept
    : pipe_(std::exchange(other.pipe_, -1)), null_(std::exchange(other.null_, -1)) {}

Daemonizer& Daemonizer::operator=(Daemonizer&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  std::swap(null_, other.null_);
  return *this;
}

Daemonizer::~Daemonizer() {
  if (pipe_ >= 0) close(pipe_);
  if (null_ >= 0) close(null_);
}

void Daemonizer::ready() {
  if (pipe_ < 0) return;
  if (null_ >= 0) {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null_, stream);
    close(std::exchange(null_, -1));
  }
  ssize_t sent;
  do sent = write(pipe_, "!", 1);
  while (sent < 0 && errno == EINTR);
  close(std::exchange(pipe_, -1));
}

Result<Pidfile> Pidfile::create(const std::string& path) {
  for (;;) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return fail_errno(errno, "cannot write the pid file {}", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      char text[32] = {};
      const ssize_t got = pread(fd, text, sizeof text - 1, 0);
      close(fd);
      if (reason != EWOULDBLOCK) return fail_errno(reason, "cannot lock the pid file {}", path);
      std::string_view holder(text, got > 0 ? static_cast<std::size_t>(got) : 0);
      holder = holder.substr(0, holder.find_first_not_of("0123456789"));
      if (holder.empty())
        return fail(Errc::System, "the pid file {} is held by another process", path);
      return fail(Errc::System, "the pid file {} is held by process {}: is it running already?",
                  path, holder);
    }
    // Between our open and our lock the last owner may have removed the file: then we hold the
    // lock of something nobody else will find.
    struct stat ours {
    }, named{};
    if (fstat(fd, &ours) != 0 || stat(path.c_str(), &named) != 0 || ours.st_ino != named.st_ino ||
        ours.st_dev != named.st_dev) {
      close(fd);
      continue;
    }
    Pidfile file;
    file.path_ = path;
    file.fd_ = fd;
    if (auto written = file.write(); !written) return tl::make_unexpected(written.error());
    return file;
  }
}

Pidfile::Pidfile(Pidfile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), owner_(other.owner_) {}

Pidfile& Pidfile::operator=(Pidfile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(owner_, other.owner_);
  return *this;
}

Pidfile::~Pidfile() {
  if (fd_ < 0) return;
  // A forked process that inherited us does not take the file away from the one named in it. Where
  // the file is out of reach (chroot, no privilege) it is at least emptied.
  if (owner_ == getpid() && unlink(path_.c_str()) != 0 && ftruncate(fd_, 0) != 0) {
  }
  close(fd_);
}

Result<void> Pidfile::write() {
  owner_ = getpid();
  const std::string text = fmt::format("{}\n", owner_);
  if (ftruncate(fd_, 0) != 0 ||
      pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return fail_errno(errno, "cannot write the pid file {}", path_);
  return {};
}

Result<void> drop_privileges(const Identity& identity) {
  if (identity.user.empty() && identity.group.empty() && identity.chroot.empty()) return {};
  tzset();  // log stamps are local time, and the chroot has no time zone either
  // Names are looked up first: the chroot has no /etc/passwd.
  const auto ids = look_up(identity);
  if (!ids) return tl::make_unexpected(ids.error());

  if (!identity.chroot.empty()) {
    if (chroot(identity.chroot.c_str()) != 0 || chdir("/") != 0)
      return fail_errno(errno, "cannot enter the chroot {}", identity.chroot);
  }
  if (identity.user.empty() && identity.group.empty()) return {};
  // Started as that user already (a systemd unit does so): nothing to give up, and no right to
  // set the groups.
  if (getuid() == ids->user && geteuid() == ids->user && getgid() == ids->group &&
      getegid() == ids->group && getuid() != 0)
    return {};
  if (setgroups(ids->groups.size(), ids->groups.data()) != 0)
    return fail_errno(errno, "cannot leave the groups of the caller");
  if (setgid(ids->group) != 0) return fail_errno(errno, "cannot become group {}", identity.group);
  if (setuid(ids->user) != 0) return fail_errno(errno, "cannot become user {}", identity.user);

  // Believe it only when there is no way back.
  if (getuid() != ids->user || geteuid() != ids->user || getgid() != ids->group ||
      getegid() != ids->group || (ids->user != 0 && setuid(0) == 0))
    return fail(Errc::System, "the kernel did not give up the privileges for user {}",
                identity.user);
  return {};
}

std::uint64_t raise_descriptor_limit(std::uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  if (limit.rlim_max < wanted) {
    const rlimit higher{wanted, wanted};
    if (setrlimit(RLIMIT_NOFILE, &higher) == 0) return wanted;
  }
  const rlimit soft{std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
  return setrlimit(RLIMIT_NOFILE, &soft) == 0 ? soft.rlim_cur : limit.rlim_cur;
}

void notify_service_manager(std::string_view state) {
  const int fd = service_manager_socket();
  if (fd >= 0) {
    // Nothing to be done about a service manager that does not listen; it will draw its own
    // conclusions.
    [[maybe_unused]] const ssize_t sent =
        send(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

Duration watchdog_interval() {
  const char* text = std::getenv("WATCHDOG_USEC");
  if (!text) return {};
  // The variable is inherited: it may have been meant for our parent.
  if (const char* pid = std::getenv("WATCHDOG_PID"))
    if (parse_number<pid_t>(pid) != getpid()) return {};
  const auto microseconds = parse_number<std::int64_t>(text);
  if (!microseconds || *microseconds <= 0 || *microseconds > INT64_MAX / 1000) return {};
  return std::chrono::microseconds(*microseconds) / 2;
}

}  // namespace hapair
