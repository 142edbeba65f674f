// Tells scripts, the readers of FIFOs and people of what changed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/config/config.h"
#include "vrrp/core/herald.h"
#include "vrrp/runtime/mailer.h"
#include "vrrp/runtime/notify_fifo.h"
#include "vrrp/runtime/notify_runner.h"
#include "vrrp/runtime/script_user.h"

namespace hapair::vrrp {

/// Nobody waits for those who are told, except for a moment at the very end. Lives on its loop's
/// thread; the logger and the loop must outlive it.
class Notifier {
 public:
  /// Finds the users, the programs and the FIFOs, and looks whether the programs can be trusted. An
  /// error names the instance, the key, what is wrong with it, and the remedy.
  static Result<std::unique_ptr<Notifier>> open(Loop& loop, const Config& config,
                                                const std::string& mail_password, Logger& log);

  /// Whether another configuration tells the same people of the same things, in the same way.
  static bool tells_the_same(const Config& one, const Config& other);
  /// The instance is in that state already, and everybody has been told.
  void know(const std::string& instance, State state) {
    (void)herald_.on_transition({.instance = instance, .to = state});
  }

  void on_transition(const Transition& transition) { tell(herald_.on_transition(transition)); }
  void on_remark(const Remark& remark) { tell(herald_.on_remark(remark)); }

  /// The daemon stops, and everybody has been told of it: calls `done` when they have heard it, at
  /// once if nobody has anything to hear. Scripts have a second, mails two.
  void finish(std::function<void()> done);

 private:
  /// A script of one key.
  struct Teller {
    std::string key;
    std::optional<Notice::Event> event;  // that it is told of; absent: every state, with arguments
    Command command;
    Duration timeout;
  };
  /// Who is told of an instance or a group.
  struct Audience {
    std::vector<Teller> tellers;
    std::vector<NotifyFifo*> fifos;
    bool mail = false;
    std::unique_ptr<NotifyRunner> runner;
  };

  Notifier(Loop& loop, const Config& config, Logger& log);
  Result<void> add(Notice::Subject kind, const std::string& name, const Notify& notify,
                   const Config& config);
  Result<Teller> prepare(const NotifyCommand& command, const Config& config);
  Result<ScriptUser> user(const std::string& name);
  Result<void> open_fifo(const std::string& path, Audience& audience);
  void tell(const std::vector<Notice>& notices);
  void on_idle();
  void end();

  Loop& loop_;
  Logger& log_;
  Herald herald_;
  std::map<std::string, ScriptUser> users_;  // by the name that was asked for
  std::map<std::string, NotifyFifo> fifos_;  // by path
  std::map<std::pair<Notice::Subject, std::string>, Audience> audiences_;
  std::unique_ptr<Mailer> mailer_;  // null: nobody is mailed to
  std::function<void()> done_;      // set: the daemon stops
  Timer script_patience_;
  Timer mail_patience_;
};

}  // namespace hapair::vrrp
