#include "common/loop/subprocess.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace hapair {
namespace {

using namespace std::chrono_literals;

// Between SIGTERM and SIGKILL.
constexpr Duration kLastChance = 1s;

/// Nobody waits for these any more, but they are our children until they are reaped.
thread_local std::vector<pid_t> forgotten;

void reap_forgotten() {
  std::erase_if(forgotten, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

/// Answers whether it worked; errno tells why not. The system calls themselves: the library's
/// functions would take locks that another thread may have held when we were copied.
bool become(const Credentials& credentials) {
  const auto& [user, group, groups] = credentials;
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0 &&
         ::syscall(SYS_setresgid, group, group, group) == 0 &&
         ::syscall(SYS_setresuid, user, user, user) == 0 &&
         // Of a daemon that is not root, these would outlive the change of user.
         ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;
}

/// The child's part, with every signal blocked. Another thread may have held any lock when it was
/// copied, so there is no allocation here.
[[noreturn]] void begin(char** argv, char** environment, const Credentials* credentials,
                        int report) {
  ::setsid();
  // Ignored signals would stay ignored. Those that cannot be changed need not be.
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  const int null = ::open("/dev/null", O_RDWR);
  for (int stream = 0; stream < 3; ++stream) ::dup2(null, stream);
  if (null > 2) ::close(null);
  sigset_t none;
  sigemptyset(&none);
  if (!credentials || become(*credentials)) {
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (environment) environ = environment;
    ::execvp(argv[0], argv);
  }
  const int reason = errno;
  [[maybe_unused]] const ssize_t told = ::write(report, &reason, sizeof reason);
  ::_exit(127);
}

}  // namespace

struct Subprocess::Impl final : Watcher {
  Impl(Loop& owner, std::function<void(const ExitReport&)> callback)
      : loop(owner), on_exit(std::move(callback)), timer(owner, [this] { on_timeout(); }) {}
  ~Impl() {
    if (process >= 0) {
      loop.forget(process, *this);
      ::close(process);
    }
    if (trouble >= 0) ::close(trouble);
  }

  /// Answers an errno value. Does not wait for the command to begin: on a busy machine it may have
  /// to wait for its turn while we, of higher priority, must go on.
  int start(Command& command) {
    // Whoever started us may have ignored it, and then there would be no status to hear.
    std::signal(SIGCHLD, SIG_DFL);
    reap_forgotten();
    std::vector<char*> argv = pointers(command.argv), environment = pointers(command.environment);
    char** const given = command.environment.empty() ? nullptr : environment.data();
    const Credentials* credentials = command.credentials ? &*command.credentials : nullptr;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
    // A signal for the child would run our handler in it, and that speaks to our loop.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t child = ::fork();
    if (child == 0) begin(argv.data(), given, credentials, ends[1]);
    int error = child < 0 ? errno : 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(ends[1]);
    trouble = ends[0];
    if (error != 0) return error;
    pid = child;
    process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (process < 0) {
      error = errno;
      forget(SIGKILL);
      return error;
    }
    loop.watch(process, *this, EPOLLIN);
    return 0;
  }

  void on_ready(std::uint32_t) override {
    if (pid < 0) return;
    // What the command left behind in its group must not outlive its verdict. As long as it is not
    // reaped, the number of the group is nobody else's.
    ::kill(-pid, SIGKILL);
    siginfo_t end{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOHANG) != 0 || end.si_pid != pid)
      return;
    pid = -1;
    (end.si_code == CLD_EXITED ? report.status : report.signal) = end.si_status;
    int reason = 0;
    if (::read(trouble, &reason, sizeof reason) == sizeof reason) tell(reason);
    finish();
  }

  void on_timeout() {
    if (pid < 0) return finish();
    // After a stall of ours the command may have ended in time, and only its report is late.
    siginfo_t end{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        end.si_pid == pid)
      return on_ready(0);
    const bool first = !report.timed_out;
    report.timed_out = true;
    signal_group(first ? SIGTERM : SIGKILL);
    if (first) timer.arm(loop.now() + kLastChance);
  }

  void tell(int error) { report.error = std::generic_category().message(error); }

  void finish() {
    timer.disarm();
    const auto callback = std::exchange(on_exit, nullptr);
    if (callback) callback(report);  // may destroy the Subprocess
  }

  void signal_group(int number) {
    // Only a child that has not begun yet has no group.
    if (::kill(-pid, number) != 0) ::kill(pid, number);
  }

  /// With a last signal, or 0 for none.
  void forget(int last) {
    if (pid < 0) return;
    if (last != 0) signal_group(last);
    forgotten.push_back(std::exchange(pid, -1));
    reap_forgotten();
  }

  Loop& loop;
  std::function<void(const ExitReport&)> on_exit;
  Timer timer;
  pid_t pid = -1;    // also of its group; -1: not running
  int process = -1;  // a pidfd
  int trouble = -1;  // why it could not begin, as an errno value
  ExitReport report;
};

Subprocess::Subprocess(Loop& loop, Command command, Duration timeout,
                       std::function<void(const ExitReport&)> on_exit)
    : impl_(std::make_unique<Impl>(loop, std::move(on_exit))) {
  const int error = impl_->start(command);
  if (error != 0) impl_->tell(impl_->report.refused = error);
  // What could not be started is reported from the loop, as every other end.
  impl_->timer.arm(error != 0 ? loop.now() : loop.refresh() + timeout);
}

Subprocess::~Subprocess() {
  impl_->forget(SIGKILL);
}

void Subprocess::let_go() {
  impl_->forget(0);
  impl_->on_exit = nullptr;
  impl_->timer.disarm();
}

}  // namespace hapair
