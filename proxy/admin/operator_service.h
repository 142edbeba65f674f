// Carries out what operators type at a control socket.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/loop/control_server.h"
#include "proxy/admin/command.h"
#include "proxy/admin/farm_rows.h"
#include "proxy/admin/last_second.h"
#include "proxy/runtime/supervisor.h"

namespace hapair::proxy {

/// Lives on the main thread. What the workers know is asked of them by their mailboxes, and
/// answered when all have told; the main loop goes on meanwhile.
class OperatorService final : public ControlOwner {
 public:
  /// How long a worker may take to tell. One that takes longer is left out, and the answer says so.
  static constexpr Duration kPatience = std::chrono::seconds(2);

  /// `supervisor` must outlive it.
  explicit OperatorService(Supervisor& supervisor)
      : supervisor_(supervisor), last_second_(supervisor) {}

  std::span<const control::Verb> verbs() const override { return admin::verbs(); }
  void carry_out(const control::Line& line, control::Level level, Reply reply) override;

 private:
  /// A server of the newest snapshot. Valid until the loop turns.
  struct Place {
    BackendState* backend = nullptr;
    std::size_t index = 0;
    ServerState& state() const { return *backend->servers[index]; }
    balance::Server& live() const { return *state().live; }
  };
  /// What a worker found, to be put together on the main thread.
  using OnMain = std::function<void()>;
  struct Inquiry {
    Inquiry(Loop& loop, std::function<void()> on_late) : patience(loop, std::move(on_late)) {}
    std::size_t missing = 0;
    std::function<void(std::size_t missing)> done;
    Timer patience;
  };

  // One for each command.
  void run(const admin::ShowInfo& command);
  void run(const admin::ShowStat& command);
  void run(const admin::ShowServersState& command);
  void run(const admin::ShowSessions& command);
  void run(const admin::ShowErrors& command);
  void run(const admin::ShowBackends& command);
  void run(const admin::ShowVersion& command);
  void run(const admin::GetWeight& command);
  void run(const admin::SetWeight& command);
  void run(const admin::SetState& command);
  void run(const admin::SetHealth& command);
  void run(const admin::SetAddress& command);
  void run(const admin::SetServerLimit& command);
  void run(const admin::SetFrontendLimit& command);
  void run(const admin::SetProcessLimit& command);
  void run(const admin::SwitchFrontend& command);
  void run(const admin::ClearCounters& command);
  void run(const admin::ShutdownSession& command);
  void run(const admin::ShutdownSessions& command);
  void run(const admin::Warmup& command);

  Snapshot& snapshot() { return supervisor_.snapshot(); }
  /// If there is none, `refusal` is what to answer: "No such …".
  std::optional<Place> look_up(const admin::ServerName& name, std::string& refusal);
  /// The same, and answers that itself.
  std::optional<Place> find(const admin::ServerName& name);
  FrontendState* find_frontend(const std::string& name);
  void answer(std::string_view text) { reply_(text); }
  void answer_when_obeyed();
  /// Calls `ask` on every worker's thread and what it returns on this one, then `done` with the
  /// number of workers that did not answer.
  void ask_workers(const std::function<OnMain(Worker&)>& ask,
                   std::function<void(std::size_t missing)> done);
  void finish(std::uint64_t inquiry);

  Supervisor& supervisor_;
  LastSecond last_second_;
  // Of the command under way.
  Reply reply_;
  control::Level level_ = control::Level::User;

  std::uint64_t last_inquiry_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Inquiry>> inquiries_;
};

}  // namespace hapair::proxy
