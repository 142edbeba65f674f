#include "common/unix_listen.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/address.h"
#include "common/file_rights.h"

namespace hapair {
namespace {

int new_socket(int type) {
  return ::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

socklen_t to_sockaddr(const std::string& path, sockaddr_storage& raw) {
  return UnixAddress{.name = path}.to_sockaddr(raw);
}

/// Makes room for a socket: removes one that a daemon left behind.
Result<void> clear_stale(const UnixListen& where) {
  struct stat there{};
  if (::lstat(where.path.c_str(), &there) < 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, "{} {}", where.what, where.path);
  }
  if (!S_ISSOCK(there.st_mode))
    return fail(Errc::System, "{} {}: there is a file of that name that is no socket", where.what,
                where.path);
  const int probe = new_socket(where.type);
  if (probe < 0) return fail_errno(errno, "{} {}", where.what, where.path);
  sockaddr_storage raw{};
  const socklen_t size = to_sockaddr(where.path, raw);
  const int error_number =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&raw), size) == 0 ? 0 : errno;
  ucred holder{};
  socklen_t length = sizeof holder;
  const bool named =
      error_number == 0 && ::getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &holder, &length) == 0;
  ::close(probe);
  if (named)
    return fail(Errc::System, "{} {}: process {} listens there", where.what, where.path, holder.pid);
  // A full queue, or a socket of another type: somebody is there.
  if (error_number == 0 || error_number == EAGAIN || error_number == EPROTOTYPE)
    return fail(Errc::System, "{} {}: another process listens there", where.what, where.path);
  if (::unlink(where.path.c_str()) < 0)
    return fail_errno(errno, "{} {}: cannot remove the one that was left behind", where.what,
                      where.path);
  return {};
}

}  // namespace

Result<int> listen_unix(const UnixListen& where) {
  const auto owner = find_accounts(where.user, where.group);
  if (!owner) return fail(owner.error().code, "{} {}: {}", where.what, where.path, owner.error().message);
  if (auto cleared = clear_stale(where); !cleared) return tl::make_unexpected(cleared.error());
  const int fd = new_socket(where.type);
  if (fd < 0) return fail_errno(errno, "{} {}", where.what, where.path);
  const auto give_up = [&](int error_number, const char* deed) {
    ::close(fd);
    return fail_errno(error_number, "{} {}: cannot {}", where.what, where.path, deed);
  };
  sockaddr_storage raw{};
  const socklen_t size = to_sockaddr(where.path, raw);
  // Nobody may connect before it belongs to whom it should: the file gets the socket's mode. Not by the
  // umask, which is that of every thread.
  ::fchmod(fd, 0);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&raw), size) < 0) return give_up(errno, "make it");
  const auto undo = [&](const char* deed) {
    const int error_number = errno;
    ::unlink(where.path.c_str());
    return give_up(error_number, deed);
  };
  if ((!where.user.empty() || !where.group.empty()) &&
      ::lchown(where.path.c_str(), owner->user, owner->group) < 0)
    return undo("give it to its user and group");
  if (::chmod(where.path.c_str(), where.mode) < 0) return undo("set its mode");
  if (::listen(fd, where.backlog) < 0) return undo("listen on it");
  return fd;
}

UnixSocketFile::UnixSocketFile(std::string path) : path_(std::move(path)) {
  struct stat made{};
  if (::lstat(path_.c_str(), &made) != 0) return;
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

// Within a chroot or without the right to, it stays, and the next start removes it.
UnixSocketFile::~UnixSocketFile() {
  struct stat there{};
  if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace hapair
