// Where a frontend listens, as values that can be compared.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/address.h"

namespace hapair::proxy {

/// A listening socket that somebody else opened: the descriptor `number`, or, with a name, every
/// descriptor that the service manager passes under it (LISTEN_FDNAMES).
struct InheritedSocket {
  int number = -1;   // -1: by name
  std::string name;  // empty: by number

  std::string to_string() const;
  friend auto operator<=>(const InheritedSocket&, const InheritedSocket&) = default;
};

/// All that makes a listening socket what it is.
struct ListenSocket {
  static constexpr int kDefaultBacklog = 4096;  // the kernel lowers it to net.core.somaxconn
  static constexpr unsigned kDefaultMode = 0660;

  using Place = std::variant<SocketAddress, UnixAddress, InheritedSocket>;
  Place at;
  std::string interface;  // only connections that come in there; empty: any
  bool v6only = true;     // [::] does not take IPv4 as well
  int backlog = kDefaultBacklog;
  bool defer_accept = false;  // a connection counts when its first bytes are there
  bool fast_open = false;     // bytes may come with the first packet (TCP Fast Open)
  unsigned mode = kDefaultMode;  // of a Unix socket's file
  std::string user, group;       // who owns the file; empty: whoever we are

  /// A reload that finds it again keeps the socket open: all is equal but what can change in place,
  /// which is its file's rights and, of a Unix socket, the backlog.
  bool is_same_socket(const ListenSocket& other) const;
  /// "0.0.0.0:80", "unix:/run/x.sock", "fd@3".
  std::string to_string() const;
  friend bool operator==(const ListenSocket&, const ListenSocket&) = default;
};

/// Connections begin with a PROXY header (v1 or v2), which says who the client is.
struct AcceptProxy {
  std::vector<Cidr> trusted;  // who may say that. A peer on a Unix socket may: the file's mode says so

  bool trusts(const SocketAddress& peer) const;
  friend bool operator==(const AcceptProxy&, const AcceptProxy&) = default;
};

struct Bind {
  ListenSocket socket;
  std::uint16_t number = 1;  // which listener of its frontend, from 1: logs say "unix:1"
  std::optional<AcceptProxy> accept_proxy;

  friend bool operator==(const Bind&, const Bind&) = default;
};

}  // namespace hapair::proxy
