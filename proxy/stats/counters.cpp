#include "proxy/stats/counters.h"

#include <algorithm>

namespace hapair::stats {
namespace {

void add_responses(std::array<std::uint64_t, 6>& totals, const ResponseCounters& worker) {
  for (std::size_t i = 0; i < totals.size(); ++i) totals[i] += worker.value(i);
}

}  // namespace

void FrontendCounters::clear_peaks() {
  for (EventRate* rate : {&connection_rate, &session_rate, &request_rate}) rate->clear_peak();
}

void FrontendCounters::clear() {
  clear_peaks();
  for (Counter* counter : {&connections, &sessions, &requests, &bytes_in, &bytes_out,
                           &denied_requests, &denied_responses, &request_errors, &intercepted})
    counter->clear();
  responses.clear();
}

void ServerCounters::clear_peaks() {
  session_rate.clear_peak();
  for (SlidingAverage* average : {&queue_time, &connect_time, &response_time, &total_time})
    average->clear_peak();
}

void ServerCounters::clear() {
  clear_peaks();
  for (Counter* counter :
       {&sessions, &chosen, &requests, &bytes_in, &bytes_out, &denied_requests, &denied_responses,
        &connection_errors, &response_errors, &retries, &redispatches, &client_aborts,
        &server_aborts, &connects, &reuses})
    counter->clear();
  responses.clear();
}

void FrontendTotals::add_counts(const FrontendCounters& worker) {
  connections += worker.connections.value();
  sessions += worker.sessions.value();
  requests += worker.requests.value();
  bytes_in += worker.bytes_in.value();
  bytes_out += worker.bytes_out.value();
  denied_requests += worker.denied_requests.value();
  denied_responses += worker.denied_responses.value();
  request_errors += worker.request_errors.value();
  intercepted += worker.intercepted.value();
  add_responses(responses, worker.responses);
}

void FrontendTotals::add(const FrontendCounters& worker, TimePoint now) {
  add_counts(worker);
  connection_rate += worker.connection_rate.per_second(now);
  session_rate += worker.session_rate.per_second(now);
  request_rate += worker.request_rate.per_second(now);
  peak_connection_rate += worker.connection_rate.peak();
  peak_session_rate += worker.session_rate.peak();
  peak_request_rate += worker.request_rate.peak();
}

void ServerTotals::add(const ServerCounters& worker, TimePoint now) {
  sessions += worker.sessions.value();
  chosen += worker.chosen.value();
  requests += worker.requests.value();
  bytes_in += worker.bytes_in.value();
  bytes_out += worker.bytes_out.value();
  denied_requests += worker.denied_requests.value();
  denied_responses += worker.denied_responses.value();
  connection_errors += worker.connection_errors.value();
  response_errors += worker.response_errors.value();
  retries += worker.retries.value();
  redispatches += worker.redispatches.value();
  client_aborts += worker.client_aborts.value();
  server_aborts += worker.server_aborts.value();
  connects += worker.connects.value();
  reuses += worker.reuses.value();
  add_responses(responses, worker.responses);
  session_rate += worker.session_rate.per_second(now);
  peak_session_rate += worker.session_rate.peak();
  queue_time.add(worker.queue_time);
  connect_time.add(worker.connect_time);
  response_time.add(worker.response_time);
  total_time.add(worker.total_time);
  last_session_second =
      std::max(last_session_second, worker.last_session_second.load(std::memory_order_relaxed));
}

}  // namespace hapair::stats
