#include "common/loop/subprocess.h"

#include <sys/wait.h>
#include <uv.h>

#include <csignal>

namespace hapair {

struct Subprocess::Impl {
  Impl(Loop& owner, std::function<void(const ExitReport&)> callback)
      : loop(owner), on_exit(std::move(callback)), timer(owner, [this] { on_timeout(); }) {}

  void on_timeout() {
    if (!report.error.empty()) return finish();
    // After a stall of ours the command may have ended in time, and only its report is late.
    siginfo_t ended{};
    if (running && ::waitid(P_PID, static_cast<id_t>(process.pid), &ended,
                            WEXITED | WNOHANG | WNOWAIT) == 0 &&
        ended.si_pid == process.pid)
      return timer.arm(loop.now() + std::chrono::milliseconds(10));
    const bool first = !report.timed_out;
    report.timed_out = true;
    kill_group(first ? SIGTERM : SIGKILL);
    if (first) timer.arm(loop.now() + std::chrono::seconds(1));
  }
  void kill_group(int signal) {
    if (running) ::kill(-process.pid, signal);
  }
  void finish() {
    timer.disarm();
    if (!on_exit) return;
    const auto callback = std::move(on_exit);
    on_exit = nullptr;
    callback(report);  // may destroy the Subprocess
  }

  Loop& loop;
  std::function<void(const ExitReport&)> on_exit;
  Timer timer;
  uv_process_t process{};
  ExitReport report;
  bool running = false;
};

Subprocess::Subprocess(Loop& loop, std::vector<std::string> argv, Duration timeout,
                       std::function<void(const ExitReport&)> on_exit)
    : Subprocess(loop, std::move(argv), {}, timeout, std::move(on_exit)) {}

Subprocess::Subprocess(Loop& loop, std::vector<std::string> argv,
                       std::vector<std::string> environment, Duration timeout,
                       std::function<void(const ExitReport&)> on_exit)
    : impl_(new Impl(loop, std::move(on_exit))) {
  std::vector<char*> raw;
  for (std::string& word : argv) raw.push_back(word.data());
  raw.push_back(nullptr);
  std::vector<char*> settings;
  for (std::string& setting : environment) settings.push_back(setting.data());
  settings.push_back(nullptr);

  uv_process_options_t options{};
  options.file = raw.front();
  options.args = raw.data();
  if (!environment.empty()) options.env = settings.data();
  options.flags = UV_PROCESS_DETACHED;  // a process group of its own
  options.exit_cb = [](uv_process_t* process, std::int64_t status, int signal) noexcept {
    auto* impl = static_cast<Impl*>(process->data);
    impl->running = false;
    impl->report.status = static_cast<int>(status);
    impl->report.signal = signal;
    // What the command left behind in its group must not outlive its verdict.
    ::kill(-process->pid, SIGKILL);
    impl->finish();
  };
  impl_->process.data = impl_;
  const int error = uv_spawn(&loop.uv(), &impl_->process, &options);
  if (error != 0) {
    impl_->report.error = uv_strerror(error);
    impl_->timer.arm(loop.now());  // reported from the loop, as every other end
  } else {
    impl_->running = true;
    impl_->timer.arm(loop.refresh() + timeout);
  }
}

Subprocess::~Subprocess() {
  impl_->on_exit = nullptr;
  impl_->timer.disarm();
  impl_->kill_group(SIGKILL);
  impl_->loop.uv();  // has a handle to close
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->process), [](uv_handle_t* handle) noexcept {
    delete static_cast<Impl*>(handle->data);
  });
}

}  // namespace hapair
