#include "proxy/runtime/port_holder.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <vector>

#include "common/text.h"

namespace hapair::proxy {
namespace {

/// Inodes of the sockets that listen on `port`, from /proc/net/tcp or tcp6.
void collect_listeners(const char* table, unsigned port, std::set<std::string>& inodes) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // headings
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string slot, local, remote, state, word, inode;
    words >> slot >> local >> remote >> state;
    for (int i = 0; i < 5; ++i) words >> word;  // queues, timer, retransmits, uid, timeout
    words >> inode;
    constexpr std::string_view kListen = "0A";
    const auto colon = local.find(':');
    if (state != kListen || colon == local.npos) continue;
    if (std::stoul(local.substr(colon + 1), nullptr, 16) == port) inodes.insert(inode);
  }
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::vector<std::string> entries(const std::string& path) {
  std::vector<std::string> names;
  const Directory directory(::opendir(path.c_str()), &::closedir);
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
  return names;
}

bool holds(const std::string& pid, const std::set<std::string>& inodes) {
  const std::string folder = "/proc/" + pid + "/fd/";
  for (const std::string& name : entries(folder)) {
    char target[64];
    const ssize_t size = ::readlink((folder + name).c_str(), target, sizeof target);
    if (size <= 9) continue;
    const std::string_view link(target, static_cast<std::size_t>(size));  // "socket:[1234]"
    if (link.starts_with("socket:[") &&
        inodes.contains(std::string(link.substr(8, link.size() - 9))))
      return true;
  }
  return false;
}

}  // namespace

std::string port_holder(const SocketAddress& address) {
  std::set<std::string> inodes;
  collect_listeners("/proc/net/tcp", address.port, inodes);
  collect_listeners("/proc/net/tcp6", address.port, inodes);
  if (inodes.empty()) return {};
  for (const std::string& pid : entries("/proc")) {
    if (!parse_number<int>(pid) || !holds(pid, inodes)) continue;
    std::ifstream file("/proc/" + pid + "/comm");
    std::string name;
    std::getline(file, name);
    return fmt::format("{} (pid {})", name, pid);
  }
  return {};
}

}  // namespace hapair::proxy
