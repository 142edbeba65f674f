#include "common/loop/background.h"

#include <cerrno>
#include <csignal>
#include <mutex>
#include <utility>

namespace hapair {
namespace {

// For TLS and the like. Where memory is locked, it is for what is used of it.
constexpr std::size_t kStack = 512 * 1024;

}  // namespace

Background::Background() {
  sem_init(&work_, 0, 0);
}

Background::~Background() {
  finish();
  sem_destroy(&work_);
}

void Background::finish() {
  for (std::size_t i = 0; i < threads_.size(); ++i) run(nullptr);
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
  threads_.clear();
}

void Background::run(std::function<void()> work) {
  bool alone;
  {
    const std::lock_guard lock(mutex_);
    alone = idle_ <= 0;
  }
  const bool added = work && alone && add_thread();
  // What can be had is had: slower, but nothing is lost.
  if (work && !added && threads_.empty()) return work();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    if (!added) --idle_;
  }
  sem_post(&work_);
}

/// False: the system gives us none.
bool Background::add_thread() {
  // Signals are for the thread of the loop.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  pthread_t thread;
  const int error = pthread_create(
      &thread, &attributes,
      [](void* self) -> void* {
        static_cast<Background*>(self)->live();
        return nullptr;
      },
      this);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return false;
  threads_.push_back(thread);
  return true;
}

void Background::live() {
  for (;;) {
    while (sem_wait(&work_) != 0 && errno == EINTR) {
    }
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex_);
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (!work) return;
    work();
    const std::lock_guard lock(mutex_);
    ++idle_;
  }
}

}  // namespace hapair
