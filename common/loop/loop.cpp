#include "common/loop/loop.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>

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

// Descriptors live in an epoll set of our own that libuv polls as one descriptor: libuv registers
// level-triggered and takes a descriptor out and back on each change of interest, which costs system
// calls per message; here each descriptor is registered once, edge-triggered, for its whole life.
struct Loop::Impl {
  uv_loop_t uv{};
  uv_poll_t poll{};
  uv_timer_t timer{};
  uv_prepare_t prepare{};
  uv_idle_t idle{};  // active while something is resumed: keeps libuv from sleeping
  uv_async_t async{};
  int epoll = -1;
  TimePoint timer_set_for = kNever;

  epoll_event ready[kEventsPerTurn];
  int ready_count = 0;
  int ready_at = 0;
  std::vector<std::pair<Watcher*, std::uint32_t>> resumed;   // for the next turn
  std::vector<std::pair<Watcher*, std::uint32_t>> resuming;  // being called now

  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;  // guarded by posted_mutex

  static Loop& loop(void* data) { return *static_cast<Loop*>(data); }
  void run_posted() {
    std::vector<std::function<void()>> batch;
    {
      const std::lock_guard lock(posted_mutex);
      batch.swap(posted);
    }
    for (auto& work : batch) work();
  }
  void set_timer(Loop& owner) {
    const TimePoint next = owner.heap_.empty() ? kNever : owner.heap_.front()->scheduled_;
    if (next == timer_set_for) return;
    timer_set_for = next;
    if (next == kNever) {
      uv_timer_stop(&timer);
      return;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - steady_now()).count();
    uv_update_time(&uv);
    must(uv_timer_start(
             &timer, [](uv_timer_t* t) noexcept { loop(t->data).fire_due(); },
             wait > 0 ? static_cast<std::uint64_t>(wait) : 0, 0),
         "uv_timer_start");
  }
};

Loop::Loop() : now_(steady_now()), impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  must(uv_loop_init(&impl.uv), "uv_loop_init");
  impl.epoll = epoll_create1(EPOLL_CLOEXEC);
  must_errno(impl.epoll, "epoll_create1");
  impl.poll.data = impl.timer.data = impl.prepare.data = impl.idle.data = impl.async.data = this;
  must(uv_poll_init(&impl.uv, &impl.poll, impl.epoll), "uv_poll_init");
  must(uv_poll_start(&impl.poll, UV_READABLE,
                     [](uv_poll_t* p, int, int) noexcept { Impl::loop(p->data).dispatch_ready(); }),
       "uv_poll_start");
  must(uv_timer_init(&impl.uv, &impl.timer), "uv_timer_init");
  must(uv_prepare_init(&impl.uv, &impl.prepare), "uv_prepare_init");
  must(uv_prepare_start(&impl.prepare,
                        [](uv_prepare_t* p) noexcept { Impl::loop(p->data).end_turn(); }),
       "uv_prepare_start");
  must(uv_idle_init(&impl.uv, &impl.idle), "uv_idle_init");
  must(uv_async_init(&impl.uv, &impl.async,
                     [](uv_async_t* a) noexcept {
                       Loop& self = Impl::loop(a->data);
                       self.refresh();
                       self.impl_->run_posted();
                     }),
       "uv_async_init");
}

Loop::~Loop() {
  Impl& impl = *impl_;
  for (Timer* timer : heap_) timer->index_ = SIZE_MAX;
  uv_walk(
      &impl.uv,
      [](uv_handle_t* handle, void*) noexcept {
        if (!uv_is_closing(handle)) uv_close(handle, nullptr);
      },
      nullptr);
  uv_run(&impl.uv, UV_RUN_DEFAULT);
  uv_loop_close(&impl.uv);
  ::close(impl.epoll);
}

void Loop::run() {
  refresh();
  uv_run(&impl_->uv, UV_RUN_DEFAULT);
}

uv_loop_s& Loop::uv() { return impl_->uv; }

void Loop::stop() { uv_stop(&impl_->uv); }

void Loop::watch(int fd, Watcher& watcher) {
  watch(fd, watcher, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

void Loop::watch(int fd, Watcher& watcher, std::uint32_t events) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.ptr = &watcher;
  must_errno(epoll_ctl(impl_->epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void Loop::forget(int fd, Watcher& watcher) {
  // No EPOLL_CTL_DEL: close(fd), which must follow, takes it out of the set.
  (void)fd;
  Impl& impl = *impl_;
  for (int i = impl.ready_at; i < impl.ready_count; ++i)
    if (impl.ready[i].data.ptr == &watcher) impl.ready[i].data.ptr = nullptr;
  for (auto* list : {&impl.resumed, &impl.resuming})
    for (auto& [waiting, events] : *list)
      if (waiting == &watcher) waiting = nullptr;
}

void Loop::resume(Watcher& watcher, std::uint32_t events) {
  Impl& impl = *impl_;
  if (impl.resumed.empty())
    uv_idle_start(&impl.idle, [](uv_idle_t* i) noexcept { Impl::loop(i->data).run_resumed(); });
  impl.resumed.emplace_back(&watcher, events);
}

void Loop::run_resumed() {
  Impl& impl = *impl_;
  uv_idle_stop(&impl.idle);
  refresh();
  impl.resuming.swap(impl.resumed);
  for (std::size_t i = 0; i < impl.resuming.size(); ++i) {
    const auto [watcher, events] = impl.resuming[i];
    if (watcher) watcher->on_ready(events);
  }
  impl.resuming.clear();
}

void Loop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(impl_->posted_mutex);
    impl_->posted.push_back(std::move(work));
  }
  uv_async_send(&impl_->async);
}

void Loop::dispatch_ready() {
  Impl& impl = *impl_;
  const int count = epoll_wait(impl.epoll, impl.ready, kEventsPerTurn, 0);
  refresh();
  impl.ready_count = count > 0 ? count : 0;
  for (impl.ready_at = 0; impl.ready_at < impl.ready_count;) {
    const epoll_event event = impl.ready[impl.ready_at++];
    if (event.data.ptr) static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
  }
  impl.ready_count = impl.ready_at = 0;
}

void Loop::end_turn() {
  for (auto& work : turn_end_) work();
  impl_->set_timer(*this);
}

// The heap orders timers by scheduled_. A timer moved later keeps its place and is put back when it
// comes up too early: that makes the common move, pushing a timeout on, a single store.

void Loop::fire_due() {
  refresh();
  impl_->timer_set_for = kNever;
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
  uv_signal_t handle{};
  std::function<void()> on_signal;
};

SignalWatcher::SignalWatcher(Loop& loop, int number, std::function<void()> on_signal)
    : impl_(new Impl{.on_signal = std::move(on_signal)}) {
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
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->handle),
           [](uv_handle_t* handle) noexcept { delete static_cast<Impl*>(handle->data); });
}

}  // namespace hapair
