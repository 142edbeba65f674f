#include "vrrp/runtime/notifier.h"

#include <algorithm>

#include "vrrp/runtime/script_safety.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using Event = Notice::Event;

// At the end of the daemon. A script that still tells of something older is ended half-way, so that
// the one that tells of the end has its share.
constexpr Duration kScriptPatience = 1s;
constexpr Duration kMailPatience = 2s;

struct Slot {
  std::string_view key;
  std::optional<NotifyCommand> Notify::*command;
  std::optional<Event> event;
};

// In the order in which keepalived runs them.
constexpr Slot kSlots[] = {{"notify_master", &Notify::master, Event::Master},
                           {"notify_backup", &Notify::backup, Event::Backup},
                           {"notify_fault", &Notify::fault, Event::Fault},
                           {"notify_stop", &Notify::stop, Event::Stop},
                           {"notify_lower", &Notify::lower, Event::LowerHeard},
                           {"notify", &Notify::any, std::nullopt}};

std::vector<Herald::Group> groups(const Config& config) {
  std::vector<Herald::Group> out;
  for (const SyncGroup& group : config.sync_groups) out.push_back({group.name, group.instances});
  return out;
}

}  // namespace

Notifier::Notifier(Loop& loop, const Config& config, Logger& log)
    : loop_(loop),
      log_(log),
      herald_(groups(config)),
      script_patience_(loop,
                       [this] {
                         for (auto& [subject, audience] : audiences_) audience.runner->let_go();
                         on_idle();
                       }),
      mail_patience_(loop, [this] {
        mailer_->give_up();
        end();
      }) {}

Result<std::unique_ptr<Notifier>> Notifier::open(Loop& loop, const Config& config,
                                                 const std::string& mail_password, Logger& log) {
  std::unique_ptr<Notifier> self(new Notifier(loop, config, log));
  const auto add = [&](Notice::Subject kind, const std::string& name, const Notify& notify) {
    auto added = self->add(kind, name, notify, config);
    if (!added)
      added.error().message =
          fmt::format("{} {}: {}", kind == Notice::Subject::Group ? "sync_group" : "instance", name,
                      added.error().message);
    return added;
  };
  for (const Instance& instance : config.instances)
    if (auto added = add(Notice::Subject::Instance, instance.name, instance.notify); !added)
      return tl::make_unexpected(added.error());
  for (const SyncGroup& group : config.sync_groups)
    if (auto added = add(Notice::Subject::Group, group.name, group.notify); !added)
      return tl::make_unexpected(added.error());
  const auto mails = [](const auto& audience) { return audience.second.mail; };
  if (std::ranges::any_of(self->audiences_, mails)) {
    auto mailer = Mailer::open(loop, *config.mail, mail_password, config.node, log,
                               [notifier = self.get()] { notifier->on_idle(); });
    if (!mailer) return tl::make_unexpected(mailer.error());
    self->mailer_ = *std::move(mailer);
  }
  return self;
}

bool Notifier::tells_the_same(const Config& one, const Config& other) {
  const auto of_instance = [](const Instance& instance) {
    return std::pair(instance.name, instance.notify);
  };
  return one.sync_groups == other.sync_groups && one.notify_user == other.notify_user &&
         one.notify_fifo == other.notify_fifo && one.mail == other.mail &&
         std::ranges::equal(one.instances, other.instances, {}, of_instance, of_instance);
}

Result<void> Notifier::add(Notice::Subject kind, const std::string& name, const Notify& notify,
                           const Config& config) {
  Audience& audience = audiences_[{kind, name}];
  audience.mail = notify.mail;
  for (const std::string& path : {config.notify_fifo, notify.fifo})
    if (auto opened = open_fifo(path, audience); !opened) return opened;
  for (const auto& [key, command, event] : kSlots) {
    if (!(notify.*command)) continue;
    auto teller = prepare(*(notify.*command), config);
    if (!teller) {
      teller.error().message = fmt::format("{}: {}", key, teller.error().message);
      return tl::make_unexpected(teller.error());
    }
    teller->key = key;
    teller->event = event;
    audience.tellers.push_back(*std::move(teller));
  }
  audience.runner = std::make_unique<NotifyRunner>(
      loop_, fmt::format("VRRP_{}({})", kind == Notice::Subject::Group ? "Group" : "Instance", name),
      log_, [this] { on_idle(); });
  return {};
}

Result<Notifier::Teller> Notifier::prepare(const NotifyCommand& command, const Config& config) {
  const auto runs_it = user(command.user.empty() ? config.notify_user : command.user);
  if (!runs_it) return tl::make_unexpected(runs_it.error());
  const auto program = find_program(command.command.front());
  if (!program) return tl::make_unexpected(program.error());
  if (auto safe = check_script_safety(*program, *runs_it); !safe)
    return tl::make_unexpected(safe.error());
  Command prepared{.argv = command.command, .environment = {}, .credentials = runs_it->change()};
  prepared.argv.front() = *program;  // what was looked at is what is run
  return Teller{.key = {}, .event = {}, .command = std::move(prepared), .timeout = command.timeout};
}

Result<ScriptUser> Notifier::user(const std::string& name) {
  if (const auto known = users_.find(name); known != users_.end()) return known->second;
  auto found = find_script_user(name);
  if (!found) return found;
  if (!found->refused.empty())
    log_.log(Severity::Warning,
             "notifying scripts run as {}, not as {}: the daemon lacks CAP_SETUID, CAP_SETGID or "
             "CAP_KILL",
             found->name, found->refused);
  else if (name.empty() && found->credentials.user == 0)
    log_.log(Severity::Warning,
             "notifying scripts run as {}: make the user {}, or name another as notify_user of "
             "[vrrp]",
             found->name, kDefaultScriptUser);
  else
    log_.log(Severity::Info, "notifying scripts run as {}", found->name);
  return users_[name] = *std::move(found);
}

Result<void> Notifier::open_fifo(const std::string& path, Audience& audience) {
  if (path.empty()) return {};
  auto known = fifos_.find(path);
  if (known == fifos_.end()) {
    auto opened = NotifyFifo::open(path, log_);
    if (!opened) return tl::make_unexpected(opened.error());
    known = fifos_.emplace(path, *std::move(opened)).first;
  }
  // Named twice, it is told once.
  if (std::ranges::find(audience.fifos, &known->second) == audience.fifos.end())
    audience.fifos.push_back(&known->second);
  return {};
}

void Notifier::tell(const std::vector<Notice>& notices) {
  for (const Notice& notice : notices) {
    const Audience& audience = audiences_.at({notice.subject, notice.name});
    for (NotifyFifo* fifo : audience.fifos) fifo->write(fifo_line(notice), loop_.now());
    for (const Teller& teller : audience.tellers) {
      if (teller.event ? *teller.event != notice.event : !notice.is_state()) continue;
      NotifyRunner::Run run{teller.key, notice.event, teller.command, teller.timeout};
      if (!teller.event)
        for (std::string& word : arguments(notice)) run.command.argv.push_back(std::move(word));
      audience.runner->push(std::move(run));
    }
    if (audience.mail) mailer_->send(notice);
  }
}

void Notifier::finish(std::function<void()> done) {
  done_ = std::move(done);
  script_patience_.arm(loop_.now() + kScriptPatience);
  if (mailer_) mail_patience_.arm(loop_.now() + kMailPatience);
  for (auto& [subject, audience] : audiences_) audience.runner->hurry(kScriptPatience / 2);
  if (mailer_) mailer_->hurry();
  on_idle();
}

void Notifier::on_idle() {
  const auto is_idle = [](const auto& audience) { return audience.second.runner->is_idle(); };
  if (done_ && std::ranges::all_of(audiences_, is_idle) && (!mailer_ || mailer_->is_idle())) end();
}

void Notifier::end() {
  script_patience_.disarm();
  mail_patience_.disarm();
  std::exchange(done_, nullptr)();
}

}  // namespace hapair::vrrp
