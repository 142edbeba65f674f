#include "common/control_config.h"

#include <sys/un.h>

#include <algorithm>

#include "common/text.h"

namespace hapair {
namespace {

std::string bind_hint(const TableReader& table) {
  return fmt::format("bind = \"unix:/run/hapair/{}.sock\"",
                     table.path().starts_with("vrrp") ? "vrrp" : "proxy");
}

bool is_loopback(const IpAddress& ip) {
  if (ip.is_v4()) return ip.to_v4() >> 24 == 127;
  return ip == *IpAddress::parse("::1");
}

void read_path(TableReader& table, std::string_view path, ControlSocket& out) {
  const bool odd = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!path.starts_with('/') || path.ends_with('/') || odd)
    table.error("bind", fmt::format("\"{}\" is not the absolute path of a socket", path),
                bind_hint(table));
  else if (path.size() >= sizeof(sockaddr_un::sun_path))
    table.error("bind",
                fmt::format("the path has {} bytes, and a Unix socket's can have {}", path.size(),
                            sizeof(sockaddr_un::sun_path) - 1),
                "choose a shorter one");
  else
    out.path = path;
}

void read_bind(TableReader& table, ControlSocket& out) {
  const auto text = table.string("bind");
  if (!text) {
    if (!table.has("bind"))
      table.error_at(table.where(), "a control socket needs a place", bind_hint(table));
    return;
  }
  if (text->starts_with("unix:")) return read_path(table, text->substr(5), out);
  if (text->starts_with('/')) return read_path(table, *text, out);
  const auto address = SocketAddress::parse(*text);
  if (!address)
    table.error("bind", fmt::format("\"{}\" is neither a Unix socket nor an address", *text),
                bind_hint(table));
  else if (!is_loopback(address->ip))
    // There is no password: whoever reaches it commands.
    table.error("bind", fmt::format("{} can be reached from other machines", *text),
                "a Unix socket, or a loopback address as \"127.0.0.1:9999\"");
  else
    out.address = *address;
}

void read_mode(TableReader& table, ControlSocket& out) {
  const auto text = table.string("mode");
  if (!text) return;
  unsigned mode = 0;
  const auto [end, error] =
      std::from_chars(text->data(), text->data() + text->size(), mode, /*base=*/8);
  const bool whole = error == std::errc{} && end == text->data() + text->size();
  if (!whole || text->size() < 3 || mode > 0777)
    table.error("mode", fmt::format("\"{}\" is not a file mode", *text),
                "three octal digits, as \"0660\"");
  else
    out.mode = mode;
}

void read_account(TableReader& table, std::string_view key, std::string& out) {
  const auto name = table.string(key);
  if (!name) return;
  const bool odd = std::any_of(name->begin(), name->end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == ':' || c == '/';
  });
  if (name->empty() || odd)
    table.error(key, fmt::format("\"{}\" cannot be a {}", *name, key),
                fmt::format("{} = \"hapair\"", key));
  else
    out = *name;
}

ControlSocket read_socket(TableReader& table, std::string_view group) {
  using control::Level;
  ControlSocket socket;
  socket.group = group;
  read_bind(table, socket);
  static constexpr std::pair<std::string_view, Level> kLevels[] = {
      {"user", Level::User}, {"operator", Level::Operator}, {"admin", Level::Admin}};
  if (const auto level = table.word<Level>("level", kLevels)) socket.level = *level;
  read_mode(table, socket);
  read_account(table, "user", socket.user);
  read_account(table, "group", socket.group);
  if (socket.address)
    for (const std::string_view key : {"mode", "user", "group"})
      if (table.has(key))
        table.error(key, fmt::format("{} is for a Unix socket, and this one is TCP", key),
                    fmt::format("leave {} out, or choose a path", key));
  if (const auto timeout =
          table.duration("timeout", std::chrono::milliseconds(1), std::chrono::hours(24)))
    socket.timeout = *timeout;
  table.finish();
  return socket;
}

}  // namespace

std::vector<ControlSocket> read_control_sockets(TableReader& section, std::string_view group) {
  std::vector<ControlSocket> sockets;
  for (TableReader& table : section.tables("control")) {
    ControlSocket socket = read_socket(table, group);
    if (socket.path.empty() && !socket.address) continue;  // its mistake is told
    const bool again = std::any_of(sockets.begin(), sockets.end(), [&](const auto& other) {
      return other.name() == socket.name();
    });
    if (again)
      table.error("bind", fmt::format("there is a control socket on {} already", socket.name()),
                  "one socket has one level");
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

}  // namespace hapair
