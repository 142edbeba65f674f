#include "vrrp/runtime/process_tracker.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

// A turn of a search: about a millisecond.
constexpr std::size_t kProcessesATurn = 256;

}  // namespace

ProcessTracker::Watch::Watch(ProcessTracker& owner, int pid, FileDescriptor process)
    : owner_(owner), pid_(pid), process_(std::move(process)) {
  owner_.loop_.watch(process_.value(), *this, EPOLLIN);
}

ProcessTracker::Watch::~Watch() {
  owner_.loop_.unwatch(process_.value(), *this);
}

ProcessTracker::ProcessTracker(Loop& loop, Logger& log, TrackProcess process, OnReading on_reading)
    : process_(std::move(process)),
      loop_(loop),
      log_(log),
      on_reading_(std::move(on_reading)),
      quorum_({.least = process_.quorum,
               .delays = {.up_delay = process_.delay, .down_delay = process_.terminate_delay}},
              loop.now()),
      timer_(loop, [this] { on_due(); }) {
  rearm();
}

Result<std::unique_ptr<ProcessTracker>> ProcessTracker::open(Loop& loop, Logger& log,
                                                             TrackProcess process,
                                                             OnReading on_reading) {
  std::unique_ptr<ProcessTracker> self(
      new ProcessTracker(loop, log, std::move(process), std::move(on_reading)));
  if (self->process_.pidfile.empty()) return self;
  self->pidfile_ = std::make_shared<SmallFile>();
  auto thread = SideThread::begin(
      loop,
      [file = self->pidfile_, path = self->process_.pidfile] { *file = read_small_file(path); },
      [tracker = self.get()] { tracker->on_pidfile(); });
  if (!thread) return tl::make_unexpected(thread.error());
  self->thread_ = *std::move(thread);
  return self;
}

ProcessTracker::~ProcessTracker() {
  loop_.cancel_resume(*this);
}

std::string ProcessTracker::standing() const {
  return fmt::format("process {}: {} of {} running", process_.name, quorum_.running(),
                     process_.quorum);
}

void ProcessTracker::on_due() {
  changed(quorum_.on_deadline(loop_.now()));
  if (quorum_.search_at() <= loop_.now()) begin_search();
  rearm();
}

void ProcessTracker::begin_search() {
  quorum_.on_search();
  if (thread_) return thread_->ask();
  auto begun = ProcessSearch::begin();
  if (!begun) {
    complain(begun.error().message);
    return end_search();
  }
  search_ = *std::move(begun);
  search();
}

void ProcessTracker::search() {
  const auto found = search_->next(kProcessesATurn, process_.process);
  for (const int pid : found.value_or(std::vector<int>()))
    if (!quorum_.is_enough()) try_process(pid);
  if (!found || quorum_.is_enough()) return end_search();
  loop_.resume(*this, EPOLLIN);  // everybody else has his turn
}

void ProcessTracker::on_pidfile() {
  const auto text = pidfile_->text(process_.pidfile);
  if (text) {
    const auto pid =
        parse_number<int>(std::string_view(*text).substr(0, text->find_first_of(" \t\r\n")));
    if (pid)
      try_process(*pid);
    else if (!text->empty())
      complain(fmt::format("{} holds no process number", process_.pidfile));
  } else if (text.error().code != Errc::NotFound) {
    complain(text.error().message);
  }
  end_search();
}

void ProcessTracker::try_process(int pid) {
  if (quorum_.knows(pid)) return;
  auto process = watch_process(pid, process_.process);
  if (process) {
    watches_.try_emplace(pid, *this, pid, *std::move(process));
    quorum_.on_found(pid);
    told_.clear();
  } else if (process.error().code != Errc::NotFound) {
    complain(process.error().message);
  }
}

void ProcessTracker::end_search() {
  search_.reset();
  changed(quorum_.on_searched(loop_.now()));
  rearm();
}

void ProcessTracker::on_ended(int pid) {
  quorum_.on_ended(pid, loop_.now());
  watches_.erase(pid);  // who called
  rearm();
}

void ProcessTracker::changed(std::optional<Verdict> verdict) {
  if (!verdict) return;
  log_.log(Severity::Info, "Quorum {} for tracked process {}",
           *verdict == Verdict::Good ? "gained" : "lost", process_.name);
  on_reading_();
}

void ProcessTracker::rearm() {
  timer_.arm(std::min(quorum_.search_at(), quorum_.deadline()));
}

void ProcessTracker::complain(const std::string& what) {
  if (std::exchange(told_, what) != what)
    log_.log(Severity::Warning, "VRRP_Process({}) {}", process_.name, what);
}

}  // namespace hapair::vrrp
