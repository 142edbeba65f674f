#include "proxy/runtime/unix_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "proxy/runtime/port_holder.h"

namespace hapair::proxy {
namespace {

int new_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

/// What a connection to `address` meets: 0 or an errno, and who listens there.
int probe(const UnixAddress& address, std::string& holder) {
  const int fd = new_socket();
  if (fd < 0) return errno;
  sockaddr_storage raw{};
  const socklen_t length = address.to_sockaddr(raw);
  const int result = ::connect(fd, reinterpret_cast<sockaddr*>(&raw), length) == 0 ? 0 : errno;
  ucred peer{};
  socklen_t size = sizeof peer;
  // The kernel keeps for a listening socket who called listen().
  if (result == 0 && ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
    holder = process_name(peer.pid);
  ::close(fd);
  return result;
}

/// 0 or an errno.
int give_file(const UnixAddress& address, const ListenSocket& options, const Accounts& owner) {
  if ((owner.user != kSameUser || owner.group != kSameGroup) &&
      ::chown(address.name.c_str(), owner.user, owner.group) < 0)
    return errno;
  return ::chmod(address.name.c_str(), options.mode) < 0 ? errno : 0;
}

}  // namespace

Result<void> check_unix_free(const UnixAddress& address) {
  struct stat file {};
  const bool exists = !address.is_abstract && ::lstat(address.name.c_str(), &file) == 0;
  if (exists && !S_ISSOCK(file.st_mode))
    return fail(Errc::System, "cannot listen on {}: what is there is no socket", address.to_string());
  std::string holder;
  const int error_number = probe(address, holder);
  // No file, or a file without a listener: a dead one's.
  if (error_number == ENOENT || error_number == ECONNREFUSED) return {};
  // A full queue is somebody's too.
  if (error_number == 0 || error_number == EAGAIN)
    return fail(Errc::System, "cannot listen on {}: it is held by {}", address.to_string(),
                holder.empty() ? "another process" : holder);
  return fail_errno(error_number, "cannot listen on {}", address.to_string());
}

Result<int> open_unix_listener(const UnixAddress& address, const ListenSocket& options) {
  const auto owner = find_accounts(options.user, options.group);
  if (!owner)
    return fail(owner.error().code, "cannot listen on {}: {}", address.to_string(),
                owner.error().message);
  const int fd = new_socket();
  const auto failed = [&](int error_number) {
    if (fd >= 0) ::close(fd);
    return fail_errno(error_number, "cannot listen on {}", address.to_string());
  };
  if (fd < 0) return failed(errno);
  sockaddr_storage raw{};
  const socklen_t length = address.to_sockaddr(raw);
  // The file gets the socket's mode: with none, nobody can connect before it has its owner.
  ::fchmod(fd, 0);
  const auto bind = [&] { return ::bind(fd, reinterpret_cast<sockaddr*>(&raw), length) == 0; };
  bool bound = bind();
  if (!bound && errno == EADDRINUSE && !address.is_abstract) {
    if (auto free = check_unix_free(address); !free) {
      ::close(fd);
      return tl::make_unexpected(free.error());
    }
    bound = ::unlink(address.name.c_str()) == 0 && bind();
  }
  if (!bound) return failed(errno);
  if (!address.is_abstract)
    if (const int error_number = give_file(address, options, *owner); error_number != 0) {
      ::unlink(address.name.c_str());
      return failed(error_number);
    }
  if (::listen(fd, options.backlog) < 0) return failed(errno);
  return fd;
}

Result<FileRights> change_file_rights(const ListenSocket& before, const ListenSocket& after) {
  const auto rights_of = [](const ListenSocket& socket) {
    return FileRights::Wanted{socket.user, socket.group, socket.mode};
  };
  auto rights =
      FileRights::change(std::get<UnixAddress>(after.at).name, rights_of(before), rights_of(after));
  if (!rights)
    return fail(rights.error().code, "{}: {}", after.to_string(), rights.error().message);
  return rights;
}

}  // namespace hapair::proxy
