#include "vrrp/runtime/guardian.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// So many beats within the guardian's patience: one may be late.
constexpr int kBeats = 4;
// A guardian that dies again and again is started this often.
constexpr Duration kBeforeRespawn = 1s;

int open_process(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

Guardian::Guardian(Loop& loop, Settings settings, Logger& log)
    : loop_(loop),
      settings_(std::move(settings)),
      log_(log),
      beat_timer_(loop, [this] { beat(); }),
      respawn_timer_(loop, [this] {
        if (auto spawned = spawn(); !spawned)
          log_.log(Severity::Error, "{}", spawned.error().message);
      }) {}

Result<std::unique_ptr<Guardian>> Guardian::start(Loop& loop, Settings settings, Logger& log) {
  std::unique_ptr<Guardian> self(new Guardian(loop, std::move(settings), log));
  auto shared = SharedTestament::create();
  if (!shared) return tl::make_unexpected(shared.error());
  self->shared_ = *std::move(shared);
  self->set_patience(self->settings_.patience);
  self->beat();
  if (auto spawned = self->spawn(); !spawned) return tl::make_unexpected(spawned.error());
  return self;
}

Guardian::~Guardian() {
  if (shared_) shared_->dismiss();
  if (process_) loop_.unwatch(process_.value(), watch_);
}

void Guardian::set_patience(Duration patience) {
  settings_.patience = patience;
  shared_->set_patience(patience);
}

void Guardian::publish(const Testament& testament) {
  if (!shared_->publish(testament))
    log_.log(Severity::Error, "there are too many addresses for the guardian: it cannot resign for us");
  shared_->beat(loop_.now());
}

void Guardian::beat() {
  shared_->beat(loop_.refresh());
  beat_timer_.arm(loop_.now() + settings_.patience / kBeats);
}

/// The same program again, told to be the guardian: what it is does not depend on what this process
/// was doing, and it can be started at any time.
Result<void> Guardian::spawn() {
  const FileDescriptor self(open_process(::getpid()));
  if (!self) return fail_errno(errno, "cannot start the guardian: pidfd_open");
  std::vector<std::string> words = {"hapair-guard", std::string(kGuardianWord)};
  for (const LogTarget& target : settings_.log) {
    words.push_back(target.name());
    words.push_back(std::to_string(target.facility));
    words.push_back(target.tag);
  }
  const bool speaks = std::ranges::any_of(settings_.log, &LogTarget::is_console);
  std::vector<char*> raw;
  for (std::string& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);

  const int pid = ::fork();
  if (pid < 0) return fail_errno(errno, "cannot start the guardian");
  if (pid == 0) {
    // Nothing here but system calls: another thread may have held any lock. The two descriptors get
    // the numbers that guard() knows; the copies are not closed on exec.
    const int shared = ::fcntl(shared_->fd(), F_DUPFD, 10), daemon = ::fcntl(self.value(), F_DUPFD, 10);
    // Whoever started the daemon waits for its streams to be closed.
    const int null = ::open("/dev/null", O_RDWR);
    for (int stream = 0; !speaks && stream < 3; ++stream) ::dup2(null, stream);
    if (::dup2(shared, 3) == 3 && ::dup2(daemon, 4) == 4 && ::close_range(5, ~0U, 0) == 0)
      ::execv("/proc/self/exe", raw.data());
    ::_exit(127);
  }
  pid_ = pid;
  process_ = FileDescriptor(open_process(pid));
  if (process_) loop_.watch(process_.value(), watch_, EPOLLIN);
  return {};
}

void Guardian::on_death() {
  loop_.unwatch(process_.value(), watch_);
  process_ = FileDescriptor();
  int status = 0;
  ::waitpid(pid_, &status, WNOHANG);
  pid_ = -1;
  log_.log(Severity::Warning, "the guardian has ended ({} {}); starting another",
           WIFSIGNALED(status) ? "signal" : "exit code",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  respawn_timer_.arm(loop_.now() + kBeforeRespawn);
}

}  // namespace hapair::vrrp
