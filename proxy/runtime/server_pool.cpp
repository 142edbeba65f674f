#include "proxy/runtime/server_pool.h"

#include <algorithm>

namespace hapair::proxy {

ServerPool::~ServerPool() {
  close_all();
}

ServerConnection* ServerPool::take_idle(ServerUser& user, Duration most) {
  if (idle_.empty()) return nullptr;
  ServerConnection* connection = idle_.back();
  if (loop_.now() - connection->idle_since() > most) return nullptr;
  idle_.pop_back();
  connection->set_user(&user);
  return connection;
}

ServerConnection* ServerPool::take_private(std::uint64_t client, ServerUser& user) {
  const auto found = private_.find(client);
  if (found == private_.end()) return nullptr;
  ServerConnection* connection = found->second;
  private_.erase(found);
  count(*connection);
  connection->set_user(&user);
  return connection;
}

ServerConnection* ServerPool::open(const SocketAddress& to, const Approach& approach,
                                   ServerUser& user, int& error_number) {
  auto connection = std::make_unique<ServerConnection>(buffers_, *this, to, age_);
  error_number = connection->connect(approach, user);
  if (error_number != 0) return nullptr;
  count(*connection);
  return connection.release();
}

void ServerPool::count(ServerConnection& connection) {
  if (server_->maxconn() == 0) return;
  connection.set_counted(true);
  server_->count_connection();
}

void ServerPool::uncount(ServerConnection& connection) {
  if (!connection.is_counted()) return;
  connection.set_counted(false);
  server_->uncount_connection();
}

bool ServerPool::make_room() {
  if (!server_->is_overrun()) return true;
  if (idle_.empty()) return false;
  discard(*idle_.front());
  idle_.erase(idle_.begin());
  return true;
}

void ServerPool::shed() {
  while (!idle_.empty() && server_->is_overrun() &&
         loop_.now() - idle_.front()->idle_since() >= kSpareAfter)
    make_room();
}

void ServerPool::keep(ServerConnection& connection) {
  if (connection.age() != age_) return discard(connection);
  let_wait(connection);
  idle_.push_back(&connection);
}

void ServerPool::keep_private(std::uint64_t client, ServerConnection& connection) {
  if (connection.age() != age_) return discard(connection);
  let_wait(connection);
  uncount(connection);  // such servers are not those that can serve only so many connections
  private_.emplace(client, &connection);
}

void ServerPool::let_wait(ServerConnection& connection) {
  connection.set_user(nullptr);
  loop_.cancel_resume(connection);  // an idle connection takes any event for its end
  connection.set_idle_since(loop_.now());
}

void ServerPool::close_private(std::uint64_t client) {
  if (const auto node = private_.extract(client)) discard(*node.mapped());
}

void ServerPool::discard(ServerConnection& connection, bool reset) {
  uncount(connection);
  connection.close(reset);
  graveyard_.emplace_back(&connection);
}

void ServerPool::close_overdue(TimePoint now) {
  const auto first_young = std::find_if(idle_.begin(), idle_.end(), [&](ServerConnection* idle) {
    return now - idle->idle_since() <= kIdleLimit;
  });
  for (auto it = idle_.begin(); it != first_young; ++it) discard(**it);
  idle_.erase(idle_.begin(), first_young);
}

void ServerPool::close_all() {
  close_overdue(kNever);
  for (const auto& [client, connection] : private_) discard(*connection);
  private_.clear();
}

void ServerPool::renew() {
  ++age_;
  close_all();
}

void ServerPool::on_idle_event(ServerConnection& connection) {
  if (connection.is_private())
    std::erase_if(private_, [&](const auto& kept) { return kept.second == &connection; });
  else
    std::erase(idle_, &connection);
  discard(connection);
}

}  // namespace hapair::proxy
