// Control sockets: hears operators' commands and sends the answers, without ever blocking.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/control.h"
#include "common/control_config.h"
#include "common/error.h"
#include "common/file_rights.h"
#include "common/loop/loop.h"

namespace hapair {

/// Who knows what the commands mean.
class ControlOwner {
 public:
  /// Takes the answer, once, on the loop's thread: at once or later. The client may be gone by then.
  using Reply = std::function<void(std::string_view)>;

  virtual ~ControlOwner() = default;
  /// Must stay the same.
  virtual std::span<const control::Verb> verbs() const = 0;
  /// What it answers to HTTP, too; nothing: HTTP is not understood. Must stay the same.
  virtual std::span<const control::Page> pages() const { return {}; }
  /// `line.verb` is one that `level` may use.
  virtual void carry_out(const control::Line& line, control::Level level, Reply reply) = 0;
};

/// Lives on its loop's thread and dies before the loop.
class ControlServer {
  class Listener;

 public:
  /// Clients of all sockets at once; further ones wait in the kernel.
  static constexpr std::size_t kMostClients = 64;

  ControlServer(Loop& loop, ControlOwner& owner);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Listens there too. Needs the right to make the socket, and to give it away if `user` or
  /// `group` say so: call before privileges are dropped; in a chroot the socket stays reachable. A
  /// socket file that nobody listens on any more is replaced; one that somebody uses is an error
  /// that names who.
  Result<void> open(const ControlSocket& where);

  /// Other sockets from now on. Preparing does all that can fail; until commit() nothing has
  /// changed for anybody, and what was prepared is undone with its destruction. Both in one turn of
  /// the loop. A socket that keeps its place is never closed: its rights change in place, its level
  /// and timeout for those who come. Who is connected stays.
  class Change {
   public:
    Change();
    ~Change();

   private:
    friend class ControlServer;
    std::vector<ControlSocket> wanted_;
    std::vector<std::unique_ptr<Listener>> opened_;
    std::vector<FileRights> rights_;  // of those that stay
  };
  Result<std::unique_ptr<Change>> prepare(const std::vector<ControlSocket>& wanted);
  void commit(Change& change);

 private:
  class Client;

  template <typename Listeners>
  static auto find_listener(Listeners& listeners, const ControlSocket& where);
  void accept_from(Listener& listener);
  void accept_again();
  bool is_turn_over();
  void on_client_gone(std::uint64_t name);
  void on_reply(std::uint64_t name, std::string_view text);

  Loop& loop_;
  ControlOwner& owner_;
  std::uint64_t last_name_ = 0;
  std::vector<std::unique_ptr<Listener>> listeners_;
  Timer retry_timer_;  // somebody waits whom we had no descriptor for
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Client>> dead_;  // until no event of this turn can name them
  TimePoint turn_ends_ = kNever;  // the clients' part of this turn; kNever: it has not begun
  std::shared_ptr<ControlServer*> self_ = std::make_shared<ControlServer*>(this);  // the loop may live on
};

}  // namespace hapair
