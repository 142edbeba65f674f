// Tells whoever listens on the health socket how the proxy is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "common/loop/loop.h"
#include "common/unix_listen.h"

namespace hapair {

/// Listeners hear the last message when they come, and each one from then on. One that does not listen
/// is let go: nobody is waited for. All a listener can say is that the node's addresses are elsewhere, to
/// a proxy that drains, and that the node has taken one over. Lives on its loop's thread and dies before
/// the loop.
class HealthServer {
 public:
  static constexpr std::size_t kMostListeners = 16;

  /// `on_left`: called when a listener has said the one, or has gone; `on_taken`: the other.
  HealthServer(Loop& loop, std::function<void()> on_left, std::function<void()> on_taken);
  ~HealthServer();
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;

  /// One more place to listen at. Before a chroot, so that the socket stays reachable.
  Result<void> open(const std::string& path, const std::string& user, const std::string& group);
  /// Who came by that place stays.
  void close(const std::string& path);
  bool is_open_at(const std::string& path) const;
  bool is_open() const { return !acceptors_.empty(); }
  void send(std::string message);
  /// Nobody here is waited for: every listener has said so since `forget_left()`.
  bool all_left() const;
  void forget_left();

 private:
  class Acceptor;
  class Listener;

  void accept_all();
  void accept_from(int acceptor);
  void forget(Listener& listener);

  Loop& loop_;
  std::function<void()> on_left_;
  std::function<void()> on_taken_;
  std::map<std::string, std::unique_ptr<Acceptor>> acceptors_;  // by path
  Timer retry_timer_;  // somebody waits whom we had no descriptor for
  std::string last_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Listener>> gone_;  // until no event of this turn can name them
};

}  // namespace hapair
