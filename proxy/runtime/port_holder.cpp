#include "proxy/runtime/port_holder.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "common/bytes.h"
#include "common/text.h"

namespace hapair::proxy {
namespace {

/// An address as /proc/net/tcp and tcp6 print it: words of 32 bits in the machine's order.
std::optional<IpAddress> parse_table_address(std::string_view hex) {
  std::array<std::uint8_t, 16> bytes{};
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  for (std::size_t i = 0; i < hex.size() / 8; ++i) {
    std::uint32_t word = 0;
    const std::string_view text = hex.substr(8 * i, 8);
    if (std::from_chars(text.begin(), text.end(), word, 16).ptr != text.end()) return std::nullopt;
    std::memcpy(&bytes[4 * i], &word, 4);
  }
  return hex.size() == 8 ? IpAddress::v4(load_be32(bytes.data())) : IpAddress::v6(bytes);
}

/// Whether a listener on one is in the way of a listener on the other.
bool collide(const IpAddress& one, const IpAddress& other) {
  return one == other || one.is_any() || other.is_any();
}

/// Inodes of the sockets that listen on `address`, from /proc/net/tcp or tcp6.
void collect_listeners(const char* table, const SocketAddress& address,
                       std::set<std::string>& inodes) {
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
    const auto ip = parse_table_address(std::string_view(local).substr(0, colon));
    if (std::stoul(local.substr(colon + 1), nullptr, 16) == address.port && ip &&
        collide(*ip, address.ip))
      inodes.insert(inode);
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
  collect_listeners("/proc/net/tcp", address, inodes);
  collect_listeners("/proc/net/tcp6", address, inodes);
  if (inodes.empty()) return {};
  for (const std::string& pid : entries("/proc")) {
    const auto number = parse_number<int>(pid);
    if (number && holds(pid, inodes)) return process_name(*number);
  }
  return {};
}

std::string process_name(long pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  if (pid <= 0 || !std::getline(file, name)) return {};
  return fmt::format("{} (pid {})", name, pid);
}

}  // namespace hapair::proxy
