#include "vrrp/runtime/side_thread.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

namespace hapair::vrrp {
namespace {

constexpr std::size_t kStack = 64 * 1024;

/// One is added to an eventfd's number; the other side reads it and it is 0 again.
void ring(const FileDescriptor& bell) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell.value(), &one, sizeof one);
}

bool hear(const FileDescriptor& bell) {
  std::uint64_t number = 0;
  return ::read(bell.value(), &number, sizeof number) == sizeof number;
}

}  // namespace

struct SideThread::Shared {
  const std::function<void()> work;
  const FileDescriptor asked, done;
  std::atomic<bool> over = false;
};

Result<std::unique_ptr<SideThread>> SideThread::begin(Loop& loop, std::function<void()> work,
                                                      std::function<void()> on_done) {
  FileDescriptor asked(::eventfd(0, EFD_CLOEXEC)), done(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!asked || !done) return fail_errno(errno, "cannot start a thread: eventfd");
  auto shared = std::make_shared<Shared>(std::move(work), std::move(asked), std::move(done));

  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStack);
  // Nobody waits for its end: it may hang for good.
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // Signals are the loop's.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto given = std::make_unique<std::shared_ptr<Shared>>(shared);
  pthread_t thread;
  const int error = ::pthread_create(
      &thread, &attributes,
      [](void* raw) noexcept -> void* {
        const std::unique_ptr<std::shared_ptr<Shared>> mine(
            static_cast<std::shared_ptr<Shared>*>(raw));
        const Shared& self = **mine;
        while (hear(self.asked) && !self.over) {
          self.work();
          ring(self.done);
        }
        return nullptr;
      },
      given.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return fail_errno(error, "cannot start a thread");
  (void)given.release();
  return std::unique_ptr<SideThread>(new SideThread(loop, std::move(shared), std::move(on_done)));
}

SideThread::SideThread(Loop& loop, std::shared_ptr<Shared> shared, std::function<void()> on_done)
    : loop_(loop), shared_(std::move(shared)), on_done_(std::move(on_done)) {
  loop_.watch(shared_->done.value(), *this, EPOLLIN);
}

SideThread::~SideThread() {
  loop_.unwatch(shared_->done.value(), *this);
  shared_->over = true;
  ring(shared_->asked);
}

void SideThread::ask() {
  again_ = busy_;
  if (!std::exchange(busy_, true)) ring(shared_->asked);
}

void SideThread::on_ready(std::uint32_t) {
  if (!hear(shared_->done)) return;
  busy_ = false;
  const bool again = std::exchange(again_, false);
  on_done_();
  if (again) ask();
}

}  // namespace hapair::vrrp
