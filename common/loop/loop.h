// One thread's event loop: descriptors, deadlines, and work at the end of a turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/clock.h"

struct uv_loop_s;

namespace hapair {

class Loop;

/// Something that hears about its descriptor. Registered edge-triggered, once, for its whole life:
/// read until EAGAIN, write until EAGAIN.
class Watcher {
 public:
  /// `events` are EPOLL* bits. May close, re-register or destroy the watcher itself.
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

/// A deadline on a loop. Lazy: moving it later costs a store, so it can be pushed on every byte.
/// Destroying it cancels it. Lives on its loop's thread and dies before the loop.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_due);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  /// Fires once, at or just after `deadline`. kNever disarms.
  void arm(TimePoint deadline);
  void disarm() { deadline_ = kNever; }
  TimePoint deadline() const { return deadline_; }

 private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> on_due_;
  TimePoint deadline_ = kNever;   // what the owner wants
  TimePoint scheduled_ = kNever;  // where it stands in the heap; never later than deadline_
  std::size_t index_ = SIZE_MAX;  // in the heap; SIZE_MAX: not there
};

class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  /// Runs until stop(). Callbacks run on the calling thread.
  void run();
  /// Ends run() after the current turn. Only from the loop's own thread.
  void stop();

  /// The time at the beginning of this turn; refresh() reads the clock again.
  TimePoint now() const { return now_; }
  TimePoint refresh() { return now_ = steady_now(); }

  /// Registers `fd`, edge-triggered, with EPOLLIN | EPOLLOUT | EPOLLRDHUP or as given. Errors abort:
  /// only a programming mistake or an exhausted kernel makes them.
  void watch(int fd, Watcher& watcher);
  void watch(int fd, Watcher& watcher, std::uint32_t events);
  /// The same, level-triggered: calls in every turn in which `fd` is ready, so the watcher need not
  /// find out whether there is more.
  void watch_level(int fd, Watcher& watcher, std::uint32_t events);
  /// How many descriptors this turn's wait found ready.
  int ready_count() const;
  /// Changes what a registered `fd` is watched for; what is so already is an event, too.
  void watch_again(int fd, std::uint32_t events);
  /// The watcher hears nothing more, not even of events already fetched, nor if a child that was
  /// just forked still holds a copy. Call before close(fd). Nothing happens if it is not registered.
  void forget(int fd, Watcher& watcher);
  /// The same for a descriptor that stays open, here or as a copy that lasts.
  void unwatch(int fd, Watcher& watcher);

  /// Calls watcher.on_ready(events) once everybody else had their turn, this one or the next: for a
  /// watcher that stops early although its descriptor has more. Asking twice is asking once.
  void resume(Watcher& watcher, std::uint32_t events);

  /// Takes that back: what there is will be somebody else's, or nobody's.
  void cancel_resume(Watcher& watcher);

  /// Calls `work` at the end of every turn, before the loop sleeps.
  void at_turn_end(std::function<void()> work) { turn_end_.push_back(std::move(work)); }

  /// Calls `work` on another thread, where it may block, and then `done` on the loop's; a turn of
  /// the loop follows. Who destroys the loop waits for `work`; `done` may then not be called.
  void offload(std::function<void()> work, std::function<void()> done = nullptr);

  /// Calls `work` on the loop's thread soon. Thread-safe; the only such member.
  void post(std::function<void()> work);

 private:
  friend class Timer;
  friend class SignalWatcher;
  struct Impl;

  uv_loop_s& uv();
  void schedule(Timer& timer);
  void unschedule(Timer& timer);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  void fire_due();
  void dispatch(int count);
  int patience();
  void set_alarm(TimePoint at);
  void run_resumed();
  void end_turn();

  TimePoint now_;
  std::vector<Timer*> heap_;
  std::vector<std::function<void()>> turn_end_;
  std::unique_ptr<Impl> impl_;
};

/// Calls back on the loop's thread when the process receives `number`.
class SignalWatcher {
 public:
  SignalWatcher(Loop& loop, int number, std::function<void()> on_signal);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  struct Impl;
  Impl* impl_;  // freed by the loop once the handle is closed
};

}  // namespace hapair
