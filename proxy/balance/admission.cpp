#include "proxy/balance/admission.h"

#include <algorithm>

namespace hapair::balance {
namespace {

constexpr auto kOrdered = std::memory_order_seq_cst;

std::size_t at(int server) {
  return static_cast<std::size_t>(server);
}

template <typename Atomic>
void raise_peak(Atomic& peak, std::uint32_t value) {  // under the mutex: one writer at a time
  if (value > peak.load(std::memory_order_relaxed)) peak.store(value, std::memory_order_relaxed);
}

}  // namespace

Admission::Admission(const Farm& farm, Balancer& balancer)
    : farm_(farm), balancer_(balancer), tied_(farm.size()) {}

void Admission::continue_from(const Admission& before) {
  // Some may still arrive there after this, and come here before those who are here.
  constexpr std::uint64_t kStragglers = 1u << 30;
  const std::scoped_lock lock(mutex_, before.mutex_);
  arrivals_ = before.arrivals_ + kStragglers;
  peak_waiting_ = before.peak_waiting_.load(std::memory_order_relaxed);
}

void Admission::set_limits(const Limits& limits) {
  full_conn_.store(limits.full_conn, std::memory_order_relaxed);
  max_queue_.store(limits.max_queue, std::memory_order_relaxed);
}

Admission::Answer Admission::ask(const Ask& ask) {
  const PickInput input{.worker = ask.worker, .avoid = ask.avoid, .key = ask.key};
  if (elastic_.load(std::memory_order_relaxed)) [[unlikely]] fit_limits(+1);
  int tied_to =
      ask.tied_to != kNoServer && farm_[at(ask.tied_to)]->up() ? ask.tied_to : balancer_.tie(input);
  const auto admitted = [](int server) {
    return Answer{.kind = Answer::Kind::Admitted, .server = server};
  };
  // Another worker may take the last slot between choice and grip; then there is less to choose
  // from, and in the end nothing.
  const auto choose = [&](auto may_have) -> int {
    if (tied_to != kNoServer) return may_have(tied_to) && take(tied_to) ? tied_to : kNoServer;
    for (;;) {
      const int server = balancer_.pick(input);
      if (server == kNoServer || !may_have(server)) return kNoServer;
      if (take(server)) return server;
    }
  };
  const auto whoever = [](int) { return true; };

  const bool nobody_before_us = waiting_any_.load(kOrdered) == 0 &&
                                (tied_to == kNoServer || farm_[at(tied_to)]->waiting() == 0);
  if (nobody_before_us)
    if (const int server = choose(whoever); server != kNoServer) return admitted(server);
  if (tied_to == kNoServer && able_servers(farm_) == 0 && !anyone_awaited(farm_)) return {};

  const std::lock_guard lock(mutex_);
  // The health may have changed since, and grants_after_change() may have been here already: it
  // would not come again for a request that now queues for a lost server, or for none.
  if (tied_to != kNoServer && !farm_[at(tied_to)]->up()) tied_to = kNoServer;
  // A server that is able but not on duty is a backup in the moment between another's fall and
  // grants_after_change(), which will come and give it to those who wait.
  const bool awaits_verdict = tied_to == kNoServer && able_servers(farm_) == 0;
  if (awaits_verdict) {
    if (!anyone_awaited(farm_)) return {};
    // Whoever belongs to one of those is not given to the first that turns out to be well.
    if (ask.tied_to != kNoServer && farm_[at(ask.tied_to)]->awaited_by_tied()) tied_to = ask.tied_to;
  }
  if (tied_to != kNoServer && farm_[at(tied_to)]->queue_full()) {
    // Better another server than an endless queue for the right one.
    tied_to = kNoServer;
    if (!somebody_before(kNoServer, ask.priority))
      if (const int server = choose(whoever); server != kNoServer) return admitted(server);
  }
  const unsigned most = max_queue_.load(std::memory_order_relaxed);
  if (most != 0 && ask.arrival == 0 && waiting_.load(kOrdered) >= most) return {.kind = Answer::Kind::QueueFull};
  const auto [index, place] = enqueue(ask, tied_to);
  nodes_[index].awaits_verdict = awaits_verdict;
  // A slot may have come free before its giver could see us wait. Whoever stood in this lane before
  // us has looked again then; the first in it must, and so must those behind one that avoids a
  // server.
  if (place == 1 || avoiding_ > 0) {
    const auto first_in_line = [&, us = index](int server) { return first_entitled(server) == us; };
    if (const int server = choose(first_in_line); server != kNoServer) {
      dequeue(index);
      return admitted(server);
    }
  }
  Answer answer{.kind = Answer::Kind::Queued,
                .ticket = Ticket{nodes_[index].generation} << 32 | index,
                .arrival = nodes_[index].order};
  (tied_to == kNoServer ? answer.backend_queue : answer.server_queue) = place;
  return answer;
}

bool Admission::try_acquire(int server) {
  const Server& target = *farm_[at(server)];
  return target.up() && waiting_any_.load(kOrdered) == 0 && target.waiting() == 0 && take(server);
}

std::optional<Grant> Admission::release(int server) {
  Server& target = *farm_[at(server)];
  const bool elastic = elastic_.load(std::memory_order_relaxed);
  if (waiting_.load(kOrdered) == 0) {
    if (elastic) [[unlikely]] fit_limits(-1);
    drop(server);
    if (waiting_.load(kOrdered) == 0) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const Index index = first_entitled(server);
    // If somebody else has the slot already, giving it back will find those that wait.
    if (index == kNone || !take(server)) return std::nullopt;
    return hand_over(index, server);
  }
  const std::lock_guard lock(mutex_);
  // Two that leave at once would else count each other, and both hand on what only one of them may.
  if (elastic) [[unlikely]] fit_limits(-1);
  const Index index = first_entitled(server);
  const unsigned limit = target.limit();
  if (index == kNone || (limit != 0 && target.sessions() > limit)) {
    drop(server);
    return std::nullopt;
  }
  return hand_over(index, server);
}

Admission::Cancelled Admission::cancel(Ticket ticket) {
  const auto index = static_cast<Index>(ticket);
  const std::lock_guard lock(mutex_);
  if (index >= nodes_.size()) return Cancelled::Granted;
  const Node& node = nodes_[index];
  if (!node.queued || node.generation != ticket >> 32) return Cancelled::Granted;
  dequeue(index);
  return Cancelled::Removed;
}

Admission::Change Admission::grants_after_change() {
  Change change;
  const bool elastic = full_conn_.load(std::memory_order_relaxed) > 0 &&
                       std::any_of(farm_.begin(), farm_.end(),
                                   [](const auto& server) { return server->minconn() > 0; });
  // Once more after the last minconn has gone: its limit is its maxconn again.
  if (elastic_.exchange(elastic, std::memory_order_relaxed) || elastic) fit_limits(0);
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < tied_.size(); ++i)
    if (!farm_[i]->up() && !farm_[i]->awaited_by_tied())
      while (tied_[i].first != kNone) displace(tied_[i].first, change);
  if (able_servers(farm_) == 0 && !anyone_awaited(farm_)) {
    for (Index index = any_.first; index != kNone;) {
      const Index next = nodes_[index].next;
      if (nodes_[index].awaits_verdict) displace(index, change);
      index = next;
    }
  }
  // One each in turn, so that a server that came back does not take the whole queue.
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < farm_.size(); ++i) {
      const int server = static_cast<int>(i);
      const Index index = first_entitled(server);
      if (index == kNone || !take(server)) continue;
      change.grants.push_back(hand_over(index, server));
      progress = true;
    }
  }
  return change;
}

std::optional<Grant> Admission::find_surplus() {
  if (waiting_.load(kOrdered) == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  fit_limits(0);
  for (std::size_t i = 0; i < farm_.size(); ++i) {
    const int server = static_cast<int>(i);
    const Index index = first_entitled(server);
    if (index != kNone && take(server)) return hand_over(index, server);
  }
  return std::nullopt;
}

void Admission::fit_limits(int self) {
  std::uint32_t demand = waiting_.load(kOrdered) + static_cast<std::uint32_t>(self);
  for (const auto& server : farm_) demand += server->sessions();
  const unsigned full = full_conn_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < farm_.size(); ++i)
    if (farm_[i]->fit_limit(demand, full)) balancer_.on_load(static_cast<int>(i));
}

std::optional<TimePoint> Admission::oldest() const {
  const std::lock_guard lock(mutex_);
  std::optional<TimePoint> oldest;
  const auto look = [&](const Lane& lane) {  // all of it: priority orders it, not only time
    for (Index index = lane.first; index != kNone; index = nodes_[index].next)
      oldest = oldest ? std::min(*oldest, nodes_[index].since) : nodes_[index].since;
  };
  look(any_);
  for (const Lane& lane : tied_) look(lane);
  return oldest;
}

bool Admission::take(int server) {
  if (!farm_[at(server)]->take_slot()) return false;
  balancer_.on_load(server);
  return true;
}

void Admission::drop(int server) {
  farm_[at(server)]->drop_slot();
  balancer_.on_load(server);
}

Admission::Lane& Admission::lane_of(const Node& node) {
  return node.tied_to == kNoServer ? any_ : tied_[at(node.tied_to)];
}

void Admission::count_waiting(int tied_to, int by) {
  const auto step = static_cast<std::uint32_t>(by);
  raise_peak(peak_waiting_, waiting_.fetch_add(step, kOrdered) + step);
  if (tied_to == kNoServer) {
    waiting_any_.fetch_add(step, kOrdered);
    return;
  }
  Server& server = *farm_[at(tied_to)];
  raise_peak(server.peak_waiting_, server.waiting_.fetch_add(step, kOrdered) + step);
  balancer_.on_load(tied_to);
}

Admission::Place Admission::enqueue(const Ask& ask, int tied_to) {
  Index index = free_;
  if (index == kNone) {
    index = static_cast<Index>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[index].next;
  }
  Node& node = nodes_[index];
  node.queued = true;
  node.priority = ask.priority;
  node.order = ask.arrival != 0 ? ask.arrival : ++arrivals_;
  node.worker = ask.worker;
  node.request = ask.request;
  node.tied_to = tied_to;
  node.avoid = ask.avoid;
  node.since = ask.now;
  if (!node.avoid.empty()) ++avoiding_;
  const std::uint32_t place = insert(index);
  count_waiting(tied_to, +1);
  return {index, place};
}

bool Admission::somebody_before(int tied_to, int priority) const {
  const Lane& lane = tied_to == kNoServer ? any_ : tied_[at(tied_to)];
  return lane.first != kNone && nodes_[lane.first].priority <= priority;
}

std::uint32_t Admission::insert(Index index) {
  Node& node = nodes_[index];
  Lane& lane = lane_of(node);
  Index before = lane.last;
  std::uint32_t place = lane.length + 1;
  // Almost always at the end. Who is more urgent, or comes from another lane, belongs near the front.
  if (before != kNone && goes_before(node, nodes_[before])) {
    Index next = lane.first;
    for (place = 1; goes_before(nodes_[next], node); ++place) next = nodes_[next].next;
    before = nodes_[next].previous;
  }
  node.previous = before;
  node.next = before == kNone ? lane.first : nodes_[before].next;
  (node.previous == kNone ? lane.first : nodes_[node.previous].next) = index;
  (node.next == kNone ? lane.last : nodes_[node.next].previous) = index;
  ++lane.length;
  return place;
}

void Admission::unlink(Index index) {
  Node& node = nodes_[index];
  Lane& lane = lane_of(node);
  (node.previous == kNone ? lane.first : nodes_[node.previous].next) = node.next;
  (node.next == kNone ? lane.last : nodes_[node.next].previous) = node.previous;
  --lane.length;
}

void Admission::dequeue(Index index) {
  Node& node = nodes_[index];
  unlink(index);
  count_waiting(node.tied_to, -1);
  node.queued = false;
  if (!node.avoid.empty()) --avoiding_;
  ++node.generation;
  node.next = free_;
  free_ = index;
}

bool Admission::entitled(const Node& node, int server) const {
  if (!node.avoid.contains(server)) return true;
  for (std::size_t i = 0; i < farm_.size(); ++i)
    if (farm_[i]->usable() && !node.avoid.contains(static_cast<int>(i))) return false;
  return true;
}

Admission::Index Admission::first_entitled(int server) {
  const Server& target = *farm_[at(server)];
  const Index tied = target.up() ? tied_[at(server)].first : kNone;
  Index any = target.usable() ? any_.first : kNone;
  while (any != kNone && !entitled(nodes_[any], server)) any = nodes_[any].next;
  if (tied == kNone) return any;
  if (any == kNone) return tied;
  return goes_before(nodes_[tied], nodes_[any]) ? tied : any;
}

Grant Admission::hand_over(Index index, int server) {
  const Grant grant{nodes_[index].worker, nodes_[index].request, server};
  dequeue(index);
  return grant;
}

/// Whoever asked knows where else it belongs.
void Admission::displace(Index index, Change& change) {
  change.grants.push_back(hand_over(index, kNoServer));
  ++change.requeued;
}

}  // namespace hapair::balance
