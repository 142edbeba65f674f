#include "proxy/runtime/ledger.h"

namespace hapair::proxy {
namespace {

template <typename Map>
void forget_expired(Map& records) {
  std::erase_if(records, [](const auto& entry) { return entry.second.expired(); });
}

template <typename Record, typename Map, typename Key>
std::shared_ptr<Record> find_or_make(Map& records, const Key& key, unsigned workers) {
  std::weak_ptr<Record>& known = records[key];
  std::shared_ptr<Record> record = known.lock();
  if (!record) known = record = std::make_shared<Record>(workers);
  return record;
}

}  // namespace

void Ledger::begin_snapshot() {
  ++snapshots_;
  forget_expired(frontends_);
  forget_expired(backends_);
  forget_expired(servers_);
  std::erase_if(live_, [](const auto& entry) { return entry.second.server.expired(); });
}

std::shared_ptr<FrontendRecord> Ledger::frontend(const Frontend& frontend) {
  auto record = find_or_make<FrontendRecord>(frontends_, frontend.name, workers_);
  if (record->configured_maxconn != frontend.maxconn) {
    record->configured_maxconn = frontend.maxconn;
    record->maxconn = frontend.maxconn;
  }
  if (record->configured_disabled != frontend.disabled) {
    record->configured_disabled = frontend.disabled;
    record->door = frontend.disabled ? FrontendRecord::Door::Stopped : FrontendRecord::Door::Open;
  }
  return record;
}

std::shared_ptr<BackendRecord> Ledger::backend(const Backend& backend) {
  return find_or_make<BackendRecord>(backends_, backend.name, workers_);
}

std::shared_ptr<ServerRecord> Ledger::server(const Backend& backend, const Server& server) {
  return find_or_make<ServerRecord>(servers_, Names{backend.name, server.name}, workers_);
}

std::shared_ptr<balance::Server> Ledger::live(const Backend& backend, const Server& server) {
  const balance::Server::Settings settings{
      .name = server.name,
      .address = server.address,
      .weight = server.weight,
      .maxconn = server.maxconn,
      .checked = server.check || server.track,
      .minconn = server.minconn,
      .max_queue = server.max_queue,
      .backup = server.backup,
      .disabled = server.disabled,
  };
  Live& known = live_[{Names{backend.name, server.name}, backend.mode, server.address,
                       server.approach.unix_socket}];
  const bool stays = known.listed + 1 == snapshots_;
  known.listed = snapshots_;
  std::shared_ptr<balance::Server> live = known.server.lock();
  if (!live) {
    known.server = live = std::make_shared<balance::Server>(settings);
  } else if (stays) {
    live->reconfigure(settings);
  } else {
    live->begin_again(settings);
  }
  return live;
}

}  // namespace hapair::proxy
