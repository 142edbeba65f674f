// The daemon: everything that lives from its start to its end, on one loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/loop/control_server.h"
#include "common/loop/log_shipper.h"
#include "common/loop/loop.h"
#include "common/options.h"
#include "common/service.h"
#include "vrrp/admin/operator_service.h"
#include "vrrp/runtime/foundlings.h"
#include "vrrp/runtime/guardian.h"
#include "vrrp/runtime/history_keeper.h"
#include "vrrp/runtime/loaded.h"
#include "vrrp/runtime/notifier.h"
#include "vrrp/runtime/replacement.h"
#include "vrrp/runtime/sequence_keeper.h"
#include "vrrp/runtime/supervisor.h"

namespace hapair::vrrp {

inline constexpr std::string_view kProgram = "hapair-vrrp";

/// On standard error.
void complain(std::string_view message);
void complain(const Loaded& loaded);

/// How it came to run: from where, with which words, and after whom.
struct Origin {
  std::string program;
  std::vector<std::string> words;
  std::optional<Succession> before{};  // the program whose place it took
};

/// Its methods run on its loop's thread, which is the one that made it.
class Daemon {
 public:
  Daemon(const DaemonOptions& options, Origin origin, const Config& config);

  /// Everything is there, and no election has begun. An error tells why it cannot be.
  Result<void> open(const Task& task);
  /// Returns after SIGTERM or SIGINT, when every address is gone and those who are told of changes
  /// have had a moment to hear of it. A second signal cuts that moment short.
  void run(Daemonizer& parent);

 private:
  // daemon.cpp
  void remember();
  Result<void> open_control(const Config& config);
  /// Null: they stay.
  Result<std::unique_ptr<ControlServer::Change>> prepare_control(const Config& before,
                                                                 const Config& after);
  /// Another one may be at work already: it is dismissed when this one knows what to do.
  Result<void> start_guardian(const Config& config);
  void stop();
  void drain();
  void beat();
  std::vector<LogTarget> log_targets(const Config& config) const;
  /// The guardian's.
  static Duration patience(const Config& config);

  // daemon_reload.cpp
  void reload();
  void on_loaded(const Loaded& loaded);
  /// Tells of what was found in the files. An error: they are no good.
  Result<void> judge(const Loaded& loaded);
  Result<void> take(const Loaded& loaded);
  /// Null: it stays.
  Result<std::unique_ptr<Notifier>> prepare_notifier(const Task& task);
  Result<std::unique_ptr<Notifier>> open_informed_notifier(const Config& config,
                                                           const std::string& mail_password);
  /// The one before has a moment for what it began to tell.
  void replace_notifier(std::unique_ptr<Notifier> notifier);

  // daemon_replace.cpp: another program takes this one's place.
  /// What the program before this one has handed over.
  Result<void> succeed(const Succession& before);
  void replace();
  void try_another(const Loaded& loaded);
  void on_tried(const Result<void>& tried);
  /// At the end of a turn: its packets are out, and its news told and written down.
  void become_another();
  void refuse_replacement(std::string_view why);

  enum class Replacing { No, Trying, Agreed };

  DaemonOptions options_;
  std::optional<Succession> before_;
  Loop loop_;
  LogShipper log_;
  Timer watchdog_;
  HistoryKeeper history_;
  SequenceKeeper sequences_;
  Replacement replacement_;
  Foundlings foundlings_{loop_};
  std::unique_ptr<Guardian> guardian_;
  std::unique_ptr<Notifier> notifier_;
  std::string mail_password_;  // that it was opened with
  std::vector<std::unique_ptr<Notifier>> retired_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<OperatorService> operators_;
  std::unique_ptr<ControlServer> control_;
  bool stopping_ = false;
  bool draining_ = false;
  bool loading_ = false;
  bool load_again_ = false;
  Replacing replacing_ = Replacing::No;
  std::shared_ptr<Daemon*> self_ = std::make_shared<Daemon*>(this);  // the first to go
};

/// Tells the service manager that a reload, or what it takes for one, has begun.
void notify_reloading();

}  // namespace hapair::vrrp
