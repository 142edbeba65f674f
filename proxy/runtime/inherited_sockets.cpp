#include "proxy/runtime/inherited_sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "common/text.h"

namespace hapair::proxy {
namespace {

// sd_listen_fds(3): where the service manager's descriptors begin.
constexpr int kFirstPassed = 3;

std::vector<int> open_descriptors() {
  std::vector<int> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
  if (!folder) return numbers;
  while (const dirent* entry = ::readdir(folder.get()))
    if (const auto number = parse_number<int>(entry->d_name);
        number && *number >= kFirstPassed && *number != ::dirfd(folder.get()))
      numbers.push_back(*number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

int option_of(int fd, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

/// LISTEN_FDNAMES, one a descriptor; as many empty ones if there are no names. Nothing if the
/// descriptors were meant for another process.
std::vector<std::string> passed_names() {
  const auto text = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value ? value : "");
  };
  const auto pid = parse_number<long>(text("LISTEN_PID"));
  const auto count = parse_number<int>(text("LISTEN_FDS"));
  if (!pid || *pid != ::getpid() || !count || *count < 1 || *count > 65536) return {};
  std::vector<std::string> names(static_cast<std::size_t>(*count));
  std::string_view rest = text("LISTEN_FDNAMES");
  for (std::string& name : names) {
    const auto colon = rest.find(':');
    name = rest.substr(0, colon);
    rest = colon == rest.npos ? std::string_view() : rest.substr(colon + 1);
  }
  return names;
}

}  // namespace

const InheritedSockets& InheritedSockets::of_this_process() {
  static const InheritedSockets sockets;
  return sockets;
}

InheritedSockets::InheritedSockets() {
  const std::vector<std::string> names = passed_names();
  for (const int fd : open_descriptors()) {
    Entry& entry = entries_.emplace_back(Entry{fd, {}});
    const auto index = static_cast<std::size_t>(fd - kFirstPassed);
    if (index < names.size()) entry.name = names[index];
    // Programs that we start have no use for it.
    if (option_of(fd, SO_TYPE) >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

std::string InheritedSockets::listing() const {
  std::vector<std::string> known;
  for (const Entry& entry : entries_)
    known.push_back(entry.name.empty() ? fmt::format("{}", entry.fd)
                                       : fmt::format("{} ({})", entry.fd, entry.name));
  return known.empty() ? "none was passed to this process"
                       : fmt::format("this process was given {}", fmt::join(known, ", "));
}

Result<std::vector<int>> InheritedSockets::find(const InheritedSocket& wanted) const {
  std::vector<int> found;
  for (const Entry& entry : entries_)
    if (wanted.number >= 0 ? entry.fd == wanted.number : entry.name == wanted.name)
      found.push_back(entry.fd);
  if (found.empty())
    return fail(Errc::NotFound, "cannot listen on {}: there is no such descriptor; {}",
                wanted.to_string(), listing());
  for (const int fd : found) {
    const int type = option_of(fd, SO_TYPE);
    if (type != SOCK_STREAM)
      return fail(Errc::Unsupported, "cannot listen on {}: descriptor {} is no {}", wanted.to_string(),
                  fd, type < 0 ? "socket" : "stream socket");
    sockaddr_storage local{};
    socklen_t length = sizeof local;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length);
    const bool usable =
        local.ss_family == AF_INET || local.ss_family == AF_INET6 || local.ss_family == AF_UNIX;
    sockaddr_storage peer{};
    socklen_t peer_length = sizeof peer;
    const bool connected = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_length) == 0;
    if (!usable || connected)
      return fail(Errc::Unsupported, "cannot listen on {}: descriptor {} is {}", wanted.to_string(), fd,
                  connected ? "connected already" : "no IP or Unix socket");
  }
  return found;
}

}  // namespace hapair::proxy
