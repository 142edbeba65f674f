#include "common/loop/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "common/loop/background.h"
#include "common/loop/priority_mutex.h"

namespace hapair {
namespace {

constexpr int kEventsPerTurn = 256;

void must(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "%s: %s\n", what, uv_strerror(result));
  std::abort();
}

void must_errno(int result, const char* what) { must(result < 0 ? -errno : 0, what); }

}  // namespace

// The loop waits in an epoll set of its own, in which libuv's is one descriptor among others: libuv
// carries signals, which are rare. It registers level-triggered and takes a descriptor out and back
// on each change of interest, which costs system calls per message, and with our set inside its own
// every turn would wait twice. Words from other threads have a bell of their own: uv_async_send
// writes to its descriptor before it is done, and until then the receiver spins. A receiver of
// real-time priority, woken by that write, would take the processor from the very thread that it
// spins for.
//
// An event names a descriptor and its tenure, never an object. A descriptor that was closed can still
// have events: between fork and exec a child holds a copy of it, and what is registered ends with the
// last copy. So nothing relies on close() to silence anybody.
struct Loop::Impl {
  /// What is said of one descriptor number.
  struct Place {
    Watcher* watcher = nullptr;
    std::uint32_t tenure = 0;  // how many watchers have left it
  };
  class Call final : public Watcher {
   public:
    explicit Call(std::function<void()> call) : call_(std::move(call)) {}
    void on_ready(std::uint32_t) override { call_(); }

   private:
    std::function<void()> call_;
  };

  uv_loop_t uv{};
  bool uv_due = true;  // it has events, or handles that it has not looked at yet
  bool stopping = false;
  int epoll = -1;
  std::vector<Place> places;    // by descriptor
  int alarm = -1;               // a timerfd in the set
  TimePoint alarm_at = kNever;  // when it goes off; kNever: it has, or was never set
  Call on_uv{[this] { uv_due = true; }};
  Call on_alarm{[this] { alarm_at = kNever; }};
  Call on_bell{[this] { run_posted(); }};

  epoll_event ready[kEventsPerTurn];
  int ready_count = 0;
  std::vector<std::pair<Watcher*, std::uint32_t>> resumed;   // for the next turn
  std::vector<std::pair<Watcher*, std::uint32_t>> resuming;  // being called now

  int bell = -1;  // an eventfd in the set: something was posted
  PriorityMutex posted_mutex;
  std::vector<std::function<void()>> posted;  // guarded by posted_mutex
  Background background;

  /// Adds it to the set (EPOLL_CTL_ADD) or changes what is there.
  void control(int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = std::uint64_t{places[static_cast<std::size_t>(fd)].tenure} << 32 |
                     static_cast<std::uint32_t>(fd);
    must_errno(epoll_ctl(epoll, operation, fd, &event), "epoll_ctl");
  }

  void add(int fd, Watcher& watcher, std::uint32_t events) {
    const auto place = static_cast<std::size_t>(fd);
    if (place >= places.size()) places.resize(place + 1);
    places[place].watcher = &watcher;
    control(EPOLL_CTL_ADD, fd, events);
  }

  void run_posted() {
    std::uint64_t rung;
    [[maybe_unused]] const ssize_t heard = ::read(bell, &rung, sizeof rung);
    std::vector<std::function<void()>> batch;
    {
      const std::lock_guard lock(posted_mutex);
      batch.swap(posted);
    }
    for (auto& work : batch) work();
  }
};

Loop::Loop() : now_(steady_now()), impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  must(uv_loop_init(&impl.uv), "uv_loop_init");
  impl.epoll = epoll_create1(EPOLL_CLOEXEC);
  must_errno(impl.epoll, "epoll_create1");
  impl.add(uv_backend_fd(&impl.uv), impl.on_uv, EPOLLIN);
  impl.alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  must_errno(impl.alarm, "timerfd_create");
  impl.add(impl.alarm, impl.on_alarm, EPOLLIN | EPOLLET);
  impl.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  must_errno(impl.bell, "eventfd");
  impl.add(impl.bell, impl.on_bell, EPOLLIN | EPOLLET);
}

Loop::~Loop() {
  Impl& impl = *impl_;
  impl.background.finish();
  for (Timer* timer : heap_) timer->index_ = SIZE_MAX;
  uv_walk(
      &impl.uv,
      [](uv_handle_t* handle, void*) noexcept {
        if (!uv_is_closing(handle)) uv_close(handle, nullptr);
      },
      nullptr);
  uv_run(&impl.uv, UV_RUN_DEFAULT);
  uv_loop_close(&impl.uv);
  ::close(impl.alarm);
  ::close(impl.epoll);
  ::close(impl.bell);
}

void Loop::run() {
  impl_->stopping = false;
  refresh();
  while (!impl_->stopping) {
    end_turn();
    const int count = epoll_wait(impl_->epoll, impl_->ready, kEventsPerTurn, patience());
    refresh();
    dispatch(count);
    if (std::exchange(impl_->uv_due, false)) uv_run(&impl_->uv, UV_RUN_NOWAIT);
    fire_due();
    run_resumed();
  }
  end_turn();
}

/// How long the next wait may be, as epoll_wait has it. Deadlines are the alarm's: a wait with a
/// timeout of its own would set up and take down a timer in the kernel each time, which costs a
/// virtual machine an exit.
int Loop::patience() {
  if (impl_->uv_due || !impl_->resumed.empty() || impl_->stopping) return 0;
  if (!heap_.empty() && heap_.front()->scheduled_ < impl_->alarm_at) set_alarm(heap_.front()->scheduled_);
  return -1;
}

/// An alarm that comes too early, because its deadline was moved, is set again then.
void Loop::set_alarm(TimePoint at) {
  impl_->alarm_at = at;
  // Zero would switch it off.
  const auto nanoseconds = std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
  itimerspec when{};
  when.it_value.tv_sec = nanoseconds / 1'000'000'000;
  when.it_value.tv_nsec = nanoseconds % 1'000'000'000;
  must_errno(timerfd_settime(impl_->alarm, TFD_TIMER_ABSTIME, &when, nullptr), "timerfd_settime");
}

uv_loop_s& Loop::uv() {
  impl_->uv_due = true;  // whoever asks starts or ends a handle, which libuv sees when it runs
  return impl_->uv;
}

void Loop::stop() { impl_->stopping = true; }

void Loop::watch(int fd, Watcher& watcher) {
  watch(fd, watcher, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

void Loop::watch(int fd, Watcher& watcher, std::uint32_t events) {
  watch_level(fd, watcher, events | EPOLLET);
}

void Loop::watch_level(int fd, Watcher& watcher, std::uint32_t events) {
  impl_->add(fd, watcher, events);
}

int Loop::ready_count() const { return impl_->ready_count; }

void Loop::watch_again(int fd, std::uint32_t events) {
  impl_->control(EPOLL_CTL_MOD, fd, events | EPOLLET);
}

void Loop::unwatch(int fd, Watcher& watcher) {
  must_errno(epoll_ctl(impl_->epoll, EPOLL_CTL_DEL, fd, nullptr), "epoll_ctl");
  forget(fd, watcher);
}

void Loop::forget(int fd, Watcher& watcher) {
  // No EPOLL_CTL_DEL: the last close() takes it out of the set.
  cancel_resume(watcher);
  const auto number = static_cast<std::size_t>(fd);
  if (number >= impl_->places.size() || impl_->places[number].watcher != &watcher) return;
  impl_->places[number].watcher = nullptr;
  ++impl_->places[number].tenure;
}

void Loop::resume(Watcher& watcher, std::uint32_t events) {
  // Else one that has events of its own, too, would get one more share in every turn.
  for (auto& [waiting, wanted] : impl_->resumed) {
    if (waiting != &watcher) continue;
    wanted |= events;
    return;
  }
  impl_->resumed.emplace_back(&watcher, events);
}

void Loop::cancel_resume(Watcher& watcher) {
  for (auto* list : {&impl_->resumed, &impl_->resuming})
    for (auto& [waiting, events] : *list)
      if (waiting == &watcher) waiting = nullptr;
}

void Loop::run_resumed() {
  Impl& impl = *impl_;
  impl.resuming.swap(impl.resumed);
  for (std::size_t i = 0; i < impl.resuming.size(); ++i) {
    const auto [watcher, events] = impl.resuming[i];
    if (watcher) watcher->on_ready(events);
  }
  impl.resuming.clear();
}

void Loop::post(std::function<void()> work) {
  bool first;
  {
    const std::lock_guard lock(impl_->posted_mutex);
    first = impl_->posted.empty();
    impl_->posted.push_back(std::move(work));
  }
  if (!first) return;  // the bell has been rung, and not yet heard
  constexpr std::uint64_t kOnce = 1;
  [[maybe_unused]] const ssize_t rung = ::write(impl_->bell, &kOnce, sizeof kOnce);
}

void Loop::offload(std::function<void()> work, std::function<void()> done) {
  impl_->background.run([this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    post(done ? std::move(done) : [] {});
  });
}

void Loop::dispatch(int count) {
  Impl& impl = *impl_;
  impl.ready_count = count > 0 ? count : 0;
  for (int i = 0; i < impl.ready_count; ++i) {
    const epoll_event event = impl.ready[i];
    const Impl::Place place = impl.places[static_cast<std::uint32_t>(event.data.u64)];
    if (place.tenure == event.data.u64 >> 32 && place.watcher) place.watcher->on_ready(event.events);
  }
  impl.ready_count = 0;
}

void Loop::end_turn() {
  for (auto& work : turn_end_) work();
}

// The heap orders timers by scheduled_. A timer moved later keeps its place and is put back when it
// comes up too early: that makes the common move, pushing a timeout on, a single store.

void Loop::fire_due() {
  while (!heap_.empty() && heap_.front()->scheduled_ <= now_) {
    Timer& timer = *heap_.front();
    if (timer.deadline_ > now_) {
      if (timer.deadline_ == kNever) {
        unschedule(timer);
      } else {
        timer.scheduled_ = timer.deadline_;
        sift_down(0);
      }
      continue;
    }
    unschedule(timer);
    timer.deadline_ = kNever;
    const auto on_due = timer.on_due_;  // the call may destroy the timer
    on_due();
  }
}

void Loop::schedule(Timer& timer) {
  timer.scheduled_ = timer.deadline_;
  if (timer.index_ == SIZE_MAX) {
    timer.index_ = heap_.size();
    heap_.push_back(&timer);
  }
  sift_up(timer.index_);
}

void Loop::unschedule(Timer& timer) {
  const std::size_t index = timer.index_;
  timer.index_ = SIZE_MAX;
  timer.scheduled_ = kNever;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  heap_[index] = last;
  last->index_ = index;
  sift_up(index);
  sift_down(last->index_);
}

void Loop::sift_up(std::size_t index) {
  Timer* timer = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->scheduled_ <= timer->scheduled_) break;
    heap_[index] = heap_[parent];
    heap_[index]->index_ = index;
    index = parent;
  }
  heap_[index] = timer;
  timer->index_ = index;
}

void Loop::sift_down(std::size_t index) {
  Timer* timer = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->scheduled_ < heap_[child]->scheduled_) ++child;
    if (timer->scheduled_ <= heap_[child]->scheduled_) break;
    heap_[index] = heap_[child];
    heap_[index]->index_ = index;
    index = child;
  }
  heap_[index] = timer;
  timer->index_ = index;
}

Timer::Timer(Loop& loop, std::function<void()> on_due) : loop_(loop), on_due_(std::move(on_due)) {}

Timer::~Timer() {
  if (index_ != SIZE_MAX) loop_.unschedule(*this);
}

void Timer::arm(TimePoint deadline) {
  deadline_ = deadline;
  if (deadline < scheduled_) loop_.schedule(*this);
}

struct SignalWatcher::Impl {
  Loop& loop;
  uv_signal_t handle{};
  std::function<void()> on_signal;
};

SignalWatcher::SignalWatcher(Loop& loop, int number, std::function<void()> on_signal)
    : impl_(new Impl{.loop = loop, .handle = {}, .on_signal = std::move(on_signal)}) {
  impl_->handle.data = impl_;
  must(uv_signal_init(&loop.uv(), &impl_->handle), "uv_signal_init");
  must(uv_signal_start(
           &impl_->handle,
           [](uv_signal_t* handle, int) noexcept {
             static_cast<Impl*>(handle->data)->on_signal();
           },
           number),
       "uv_signal_start");
}

SignalWatcher::~SignalWatcher() {
  impl_->loop.uv();  // has a handle to close
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->handle),
           [](uv_handle_t* handle) noexcept { delete static_cast<Impl*>(handle->data); });
}

}  // namespace hapair
