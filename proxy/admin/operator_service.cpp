#include "proxy/admin/operator_service.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "proxy/admin/error_report.h"
#include "proxy/admin/process_figures.h"
#include "proxy/admin/server_state_report.h"
#include "proxy/admin/session_report.h"
#include "proxy/exchange/state_line.h"
#include "proxy/stats/csv.h"
#include "proxy/stats/typed.h"

namespace hapair::proxy {
namespace {

constexpr exchange::Cause kFromHere{.words = "changed from CLI"};

unsigned kind_bit(const stats::Row& row) {
  switch (*row.type) {
    case stats::Row::kFrontend: return admin::ShowStat::kFrontends;
    case stats::Row::kBackend: return admin::ShowStat::kBackends;
    default: return admin::ShowStat::kServers;
  }
}

bool is_shown(const stats::Row& row, const admin::ShowStat& command,
              const std::optional<std::int64_t>& proxy) {
  if (proxy && row.iid != *proxy) return false;
  if (!(kind_bit(row) & command.kinds)) return false;
  if (row.type != stats::Row::kServer) return true;
  if (command.server && row.sid != *command.server) return false;
  const bool maintained = row.status.starts_with("MAINT");
  if (maintained && (command.no_maintenance || command.up_only)) return false;
  return !command.up_only || !row.status.starts_with("DOWN");
}

}  // namespace

void OperatorService::carry_out(const control::Line& line, control::Level level, Reply reply) {
  const auto command = admin::parse_command(line, level);
  if (!command) return reply(command.error().message);
  reply_ = std::move(reply);
  level_ = level;
  std::visit([this](const auto& wanted) { run(wanted); }, *command);
}

void OperatorService::run(const admin::ShowInfo& command) {
  const Snapshot& shown = snapshot();
  const TimePoint now = steady_now();
  const stats::FrontendTotals totals = shown.process->frontend_totals(now);
  admin::ProcessFacts facts;
  facts.version = HAPAIR_VERSION;
  facts.node = shown.config.node;
  facts.pid = ::getpid();
  facts.workers = shown.workers;
  facts.uptime = now - shown.started;
  facts.started = std::chrono::duration_cast<std::chrono::seconds>(
                      (wall_now() - facts.uptime).time_since_epoch())
                      .count();
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  facts.max_descriptors = descriptors.rlim_cur;
  facts.maxconn = shown.maxconn;
  facts.possible_maxconn = supervisor_.possible_maxconn();
  facts.connections = shown.connections.current();
  facts.total_connections = totals.connections;
  facts.total_requests = totals.requests;
  facts.total_bytes_out = totals.bytes_out;
  facts.connection_rate = totals.connection_rate;
  facts.peak_connection_rate = totals.peak_connection_rate;
  facts.session_rate = totals.session_rate;
  facts.peak_session_rate = totals.peak_session_rate;
  facts.idle_percent = last_second_.idle_percent();
  facts.bytes_out_rate = last_second_.bytes_out();
  facts.stopping = shown.process->draining;
  for (const auto& frontend : shown.frontends)
    if (!facts.stopping) facts.listeners += static_cast<unsigned>(frontend->config.binds.size());
  facts.dropped_logs = supervisor_.dropped_logs();
  std::string out;
  stats::append_figures(out, admin::process_figures(facts), command.format, command.described);
  answer(out);
}

void OperatorService::run(const admin::ShowStat& command) {
  std::optional<std::int64_t> proxy;
  if (!command.proxy.empty()) {
    for (const NumberedProxy& candidate : numbered_proxies(snapshot()))
      if (candidate.name() == command.proxy || std::to_string(candidate.id) == command.proxy)
        proxy = candidate.id;
    if (!proxy) return answer("No such proxy.");
  }
  const Detail detail =
      level_ >= control::Level::Operator ? Detail::Operator : Detail::Public;
  std::vector<stats::Row> rows = farm_rows(snapshot(), steady_now(), detail);
  std::erase_if(rows, [&](const stats::Row& row) { return !is_shown(row, command, proxy); });
  std::string out;
  switch (command.format) {
    case admin::ShowStat::Format::Csv: stats::append_csv(out, rows); break;
    case admin::ShowStat::Format::Typed: stats::append_typed(out, rows); break;
    case admin::ShowStat::Format::Json: stats::append_json(out, rows); break;
  }
  answer(out);
}

void OperatorService::run(const admin::ShowServersState& command) {
  std::string out;
  if (!admin::append_server_states(out, snapshot(), command.backend, steady_now()))
    return answer("Can't find backend.");
  answer(out);
}

void OperatorService::run(const admin::ShowBackends&) {
  std::string out = "# name\n";
  for (const NumberedProxy& proxy : numbered_proxies(snapshot()))
    if (proxy.backend) out += proxy.name() + "\n";
  answer(out);
}

void OperatorService::run(const admin::ShowVersion&) { answer(HAPAIR_VERSION); }

void OperatorService::run(const admin::ShowSessions& command) {
  std::string unknown;
  if (command.server) look_up(*command.server, unknown);
  auto found = std::make_shared<std::vector<SessionView>>();
  ask_workers(
      [found](Worker& worker) -> OnMain {
        return [found, views = worker.view_sessions()] {
          found->insert(found->end(), views.begin(), views.end());
        };
      },
      [found, command, unknown, reply = reply_](std::size_t missing) {
        const TimePoint youngest = steady_now() - command.older;
        std::erase_if(*found, [&](const SessionView& view) {
          if (command.id && view.id != *command.id) return true;
          if (command.server && (view.backend != command.server->backend ||
                                 view.server != command.server->server))
            return true;
          return command.older > Duration::zero() && view.accepted > youngest;
        });
        if (command.id && found->empty() && missing == 0) return reply("Session not found.");
        if (found->empty() && !unknown.empty()) return reply(unknown);
        std::string out;
        if (command.detailed)
          admin::append_session_details(out, *found, steady_now(), wall_now());
        else
          admin::append_sessions(out, *found, steady_now());
        if (missing > 0) out += fmt::format("# {} workers did not answer in time\n", missing);
        reply(out);
      });
}

void OperatorService::run(const admin::ShowErrors& command) {
  const std::vector<NumberedProxy> proxies = numbered_proxies(snapshot());
  const auto number = [&](std::string_view name) {
    const auto found = std::find_if(proxies.begin(), proxies.end(),
                                    [&](const auto& proxy) { return proxy.name() == name; });
    return found == proxies.end() ? -1 : found->id;
  };
  std::string wanted = command.proxy;
  for (const NumberedProxy& proxy : proxies)
    if (std::to_string(proxy.id) == wanted) wanted = proxy.name();
  if (!wanted.empty() && number(wanted) < 0) return answer("No such proxy.");

  const exchange::ErrorCaptures& captures = snapshot().process->errors;
  std::vector<exchange::CapturedError> errors = captures.all();
  std::erase_if(errors, [&](const exchange::CapturedError& error) {
    if (!(error.is_response ? command.responses : command.requests)) return true;
    return !wanted.empty() && error.frontend != wanted && error.backend != wanted;
  });
  const admin::Numbering numbers{
      .proxy = number,
      .server = [&](std::string_view backend, std::string_view server) -> std::int64_t {
        for (const NumberedProxy& proxy : proxies) {
          if (!proxy.backend || proxy.name() != backend) continue;
          const auto& servers = proxy.backend->servers;
          for (std::size_t i = 0; i < servers.size(); ++i)
            if (servers[i]->config.name == server) return static_cast<std::int64_t>(i) + 1;
        }
        return -1;
      }};
  std::string out;
  admin::append_errors(out, errors, captures.events(), wall_now(), numbers);
  answer(out);
}

void OperatorService::run(const admin::GetWeight& command) {
  if (const auto place = find(command.server))
    answer(fmt::format("{} (initial {})", place->live().weight(),
                       place->live().configured_weight()));
}

void OperatorService::run(const admin::SetWeight& command) {
  const auto place = find(command.server);
  if (!place) return;
  const unsigned weight =
      command.relative ? place->live().share_of_weight(command.value) : command.value;
  if (weight > balance::Server::kHeaviest)
    return answer("Absolute weight can only be between 0 and 256 inclusive.");
  const bool taken = supervisor_.keeper().set_weight(*place->backend, place->index, weight);
  answer(taken ? "" : FarmKeeper::kStaticWeights);
}

void OperatorService::run(const admin::SetState& command) {
  using To = admin::SetState::To;
  using Wish = FarmKeeper::Wish;
  const auto place = find(command.server);
  if (!place) return;
  const Wish wish = command.to == To::Drain         ? Wish::Drain
                    : command.to == To::Maintenance ? Wish::Maintenance
                                                    : Wish::Ready;
  supervisor_.keeper().set_admin(*place->backend, place->index, wish, {});
  answer("");
}

void OperatorService::run(const admin::SetHealth& command) {
  using To = admin::SetHealth::To;
  using Verdict = FarmKeeper::Verdict;
  const auto place = find(command.server);
  if (!place) return;
  if (place->state().config.track) return answer("cannot change health on a tracking server.");
  const Verdict verdict = command.to == To::Up     ? Verdict::Up
                          : command.to == To::Down ? Verdict::Down
                                                   : Verdict::Stopping;
  supervisor_.keeper().set_health(*place->backend, place->index, verdict, kFromHere);
  answer("");
}

void OperatorService::run(const admin::SetAddress& command) {
  const auto place = find(command.server);
  if (!place) return;
  const SocketAddress before = place->live().address();
  SocketAddress after = before;
  after.ip = command.ip;
  after.port = command.port.value_or(before.port);
  const Approach& approach = place->state().config.approach;
  if (approach.unix_socket)
    return answer(fmt::format("Invalid addr '{}': the server is a Unix socket",
                              command.ip.to_string()));
  const auto& source = approach.source;
  if (source && source->is_v4() != after.ip.is_v4())
    return answer(fmt::format("Invalid addr '{}': it is reached from {}",
                              command.ip.to_string(), source->to_string()));
  std::string told = after.ip == before.ip
                         ? "no need to change the addr"
                         : fmt::format("IP changed from '{}' to '{}'", before.ip.to_string(),
                                       after.ip.to_string());
  if (command.port)
    told += after.port == before.port ? ", no need to change the port"
                                      : fmt::format(", port changed from '{}' to '{}'",
                                                    before.port, after.port);
  told += " by 'stats socket command'\n";
  if (after == before) return answer(told);
  supervisor_.move_server(place->state().live, after);
  // Answered when no worker has an idle connection to where the server was: what is typed next can
  // count on it.
  ask_workers([](Worker&) -> OnMain { return [] {}; },
              [reply = reply_, told](std::size_t) { reply(told); });
}

void OperatorService::run(const admin::SetServerLimit& command) {
  const auto place = find(command.server);
  if (!place) return;
  supervisor_.keeper().set_maxconn(*place->backend, place->index, command.maxconn);
  answer("");
}

void OperatorService::run(const admin::SetFrontendLimit& command) {
  FrontendState* frontend = find_frontend(command.frontend);
  if (!frontend) return;
  frontend->record->maxconn = command.maxconn;
  answer_when_obeyed();
}

void OperatorService::run(const admin::SetProcessLimit& command) {
  if (command.maxconn > supervisor_.possible_maxconn()) return answer("Value out of range.");
  supervisor_.set_operator_maxconn(command.maxconn);
  answer_when_obeyed();
}

void OperatorService::run(const admin::SwitchFrontend& command) {
  FrontendState* frontend = find_frontend(command.frontend);
  if (!frontend) return;
  using Door = FrontendRecord::Door;
  if ((frontend->record->door == Door::Open) == command.on)
    return answer(command.on ? "All sockets are already enabled."
                             : "All sockets are already disabled.");
  frontend->record->door = command.on ? Door::Open : Door::Paused;
  const bool listen = frontend->config.from_listen;
  const exchange::StateLine line =
      command.on ? exchange::frontend_resumed(frontend->config.name, listen)
                 : exchange::frontend_paused(frontend->config.name, listen);
  supervisor_.log().write(line.severity, line.text);
  answer_when_obeyed();
}

/// Once every listening socket is as the operator wants it: what is typed next can count on it.
void OperatorService::answer_when_obeyed() {
  ask_workers(
      [](Worker& worker) -> OnMain {
        worker.obey_operator();
        return [] {};
      },
      [reply = reply_](std::size_t) { reply(""); });
}

void OperatorService::run(const admin::ClearCounters& command) {
  for (const auto& frontend : snapshot().frontends) frontend->connections.clear_peak();
  for (const auto& backend : snapshot().backends) {
    backend->sessions.clear_peak();
    backend->admission->clear_peak();
    for (const auto& server : backend->servers) server->live->clear_peaks();
  }
  if (command.all) {
    snapshot().process->forget_past();
    supervisor_.keeper().clear_counters();
  }
  ask_workers(
      [all = command.all](Worker& worker) -> OnMain {
        worker.clear_counters(all);
        return [] {};
      },
      [reply = reply_](std::size_t) { reply(""); });
}

void OperatorService::run(const admin::ShutdownSession& command) {
  auto ended = std::make_shared<bool>(false);
  ask_workers(
      [ended, id = command.id](Worker& worker) -> OnMain {
        return [ended, was_here = worker.end_session(id)] { *ended = *ended || was_here; };
      },
      [ended, reply = reply_](std::size_t) {
        reply(*ended ? "" : "No such session (use 'show sess').");
      });
}

void OperatorService::run(const admin::ShutdownSessions& command) {
  // What began under an earlier configuration may be at a server that the newest does not have.
  std::string unknown;
  look_up(command.server, unknown);
  auto ended = std::make_shared<std::size_t>(0);
  ask_workers(
      [ended, name = command.server](Worker& worker) -> OnMain {
        return
            [ended, here = worker.end_sessions_at(name.backend, name.server)] { *ended += here; };
      },
      [ended, unknown, reply = reply_](std::size_t) { reply(*ended > 0 ? "" : unknown); });
}

void OperatorService::run(const admin::Warmup&) {
  const unsigned servers = supervisor_.keeper().begin_slowly(FarmKeeper::Occasion::Takeover);
  answer(servers == 0 ? "No server that is up has slow_start at takeover.\n" : "");
}

std::optional<OperatorService::Place> OperatorService::look_up(const admin::ServerName& name,
                                                               std::string& refusal) {
  for (const auto& backend : snapshot().backends) {
    if (backend->config.name != name.backend) continue;
    for (std::size_t i = 0; i < backend->servers.size(); ++i)
      if (backend->servers[i]->config.name == name.server) return Place{backend.get(), i};
    refusal = "No such server.";
    return std::nullopt;
  }
  refusal = "No such backend.";
  return std::nullopt;
}

std::optional<OperatorService::Place> OperatorService::find(const admin::ServerName& name) {
  std::string refusal;
  const auto place = look_up(name, refusal);
  if (!place) answer(refusal);
  return place;
}

FrontendState* OperatorService::find_frontend(const std::string& name) {
  for (const auto& frontend : snapshot().frontends)
    if (frontend->config.name == name) return frontend.get();
  answer("No such frontend.");
  return nullptr;
}

void OperatorService::ask_workers(const std::function<OnMain(Worker&)>& ask,
                                  std::function<void(std::size_t missing)> done) {
  const std::uint64_t name = ++last_inquiry_;
  Loop& loop = supervisor_.loop();
  auto& inquiry = inquiries_[name];
  inquiry = std::make_unique<Inquiry>(loop, [this, name] { finish(name); });
  inquiry->missing = supervisor_.workers().size();
  inquiry->done = std::move(done);
  inquiry->patience.arm(loop.refresh() + kPatience);
  for (const auto& worker : supervisor_.workers()) {
    worker->post([this, name, ask, &loop, &worker = *worker] {
      OnMain found = ask(worker);
      loop.post([this, name, found = std::move(found)] {
        const auto place = inquiries_.find(name);
        if (place == inquiries_.end()) return;  // too late
        found();
        if (--place->second->missing == 0) finish(name);
      });
    });
  }
}

void OperatorService::finish(std::uint64_t name) {
  const auto place = inquiries_.find(name);
  const std::unique_ptr<Inquiry> inquiry = std::move(place->second);
  inquiries_.erase(place);
  inquiry->done(inquiry->missing);
}

}  // namespace hapair::proxy
