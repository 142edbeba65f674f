#include "proxy/runtime/ledger.h"

#include <algorithm>

namespace hapair::proxy {
namespace {

template <typename Map>
void forget_expired(Map& records) {
  std::erase_if(records, [](const auto& entry) { return entry.second.expired(); });
}

template <typename Record, typename Map, typename Key, typename... Arguments>
std::shared_ptr<Record> find_or_make(Map& records, const Key& key, const Arguments&... arguments) {
  std::weak_ptr<Record>& known = records[key];
  std::shared_ptr<Record> record = known.lock();
  if (!record) known = record = std::make_shared<Record>(arguments...);
  return record;
}

}  // namespace

stats::FrontendTotals ProcessRecord::frontend_totals(TimePoint now) const {
  const std::lock_guard lock(frontends_mutex_);
  stats::FrontendTotals totals = past_;
  for (const FrontendRecord* frontend : frontends_)
    for (const stats::FrontendCounters& worker : frontend->counters) totals.add(worker, now);
  return totals;
}

void ProcessRecord::clear_frontends(unsigned index, bool all) {
  const std::lock_guard lock(frontends_mutex_);
  for (FrontendRecord* frontend : frontends_) {
    stats::FrontendCounters& counters = frontend->counters[index];
    all ? counters.clear() : counters.clear_peaks();
  }
}

void ProcessRecord::forget_past() {
  const std::lock_guard lock(frontends_mutex_);
  past_ = {};
}

FrontendRecord::FrontendRecord(unsigned workers, std::shared_ptr<ProcessRecord> owner)
    : process(std::move(owner)), counters(workers) {
  const std::lock_guard lock(process->frontends_mutex_);
  process->frontends_.push_back(this);
}

FrontendRecord::~FrontendRecord() {
  const std::lock_guard lock(process->frontends_mutex_);
  std::erase(process->frontends_, this);
  for (const stats::FrontendCounters& worker : counters) process->past_.add_counts(worker);
}

void Ledger::begin_snapshot() {
  ++snapshots_;
  forget_expired(frontends_);
  forget_expired(backends_);
  forget_expired(servers_);
  for (auto& [names, places] : live_)
    std::erase_if(places, [](const Live& live) { return live.server.expired(); });
  std::erase_if(live_, [](const auto& entry) { return entry.second.empty(); });
}

std::shared_ptr<FrontendRecord> Ledger::frontend(const Frontend& frontend) {
  auto record = find_or_make<FrontendRecord>(frontends_, frontend.name, workers_, process_);
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
  std::vector<Live>& places = live_[{Names{backend.name, server.name}, backend.mode}];
  const auto listed_before = [this](const Live& one) { return one.listed + 1 == snapshots_; };
  const auto is_its_place = [&](const Live& one) {
    return one.address == server.address && one.unix_socket == server.approach.unix_socket;
  };
  // The file may have followed where an operator had moved it.
  const auto has_moved_there = [&](const Live& one) {
    const auto live = one.server.lock();
    return live && !one.unix_socket && !server.approach.unix_socket &&
           live->address() == server.address;
  };
  auto known = std::find_if(places.begin(), places.end(), [&](const Live& one) {
    return listed_before(one) && (is_its_place(one) || has_moved_there(one));
  });
  const bool stays = known != places.end();
  if (!stays) known = std::find_if(places.begin(), places.end(), is_its_place);
  if (known == places.end()) known = places.insert(known, Live{});
  known->address = server.address;
  known->unix_socket = server.approach.unix_socket;
  known->listed = snapshots_;
  std::shared_ptr<balance::Server> live = known->server.lock();
  if (!live) {
    known->server = live = std::make_shared<balance::Server>(settings);
  } else if (stays) {
    live->reconfigure(settings);
  } else {
    live->begin_again(settings);
  }
  return live;
}

}  // namespace hapair::proxy
