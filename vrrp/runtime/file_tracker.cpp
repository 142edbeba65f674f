#include "vrrp/runtime/file_tracker.h"

#include <sys/epoll.h>

#include <utility>

#include "vrrp/core/file_value.h"
#include "vrrp/runtime/drain.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBetweenLooks = 1s;

}  // namespace

FileTracker::FileTracker(Loop& loop, Logger& log, TrackFile file, FileWatch watch,
                         OnReading on_reading)
    : file_(std::move(file)),
      loop_(loop),
      log_(log),
      on_reading_(std::move(on_reading)),
      look_(std::make_shared<Look>(std::move(watch), file_.path)),
      timer_(loop, [this] { thread_->ask(); }) {
  loop_.watch(look_->watch.fd(), *this, EPOLLIN);
}

FileTracker::~FileTracker() {
  loop_.unwatch(look_->watch.fd(), *this);
}

Result<std::unique_ptr<FileTracker>> FileTracker::open(Loop& loop, Logger& log, TrackFile file,
                                                       OnReading on_reading) {
  auto watch = FileWatch::open(file.path);
  if (!watch) return tl::make_unexpected(watch.error());
  std::unique_ptr<FileTracker> self(
      new FileTracker(loop, log, std::move(file), *std::move(watch), std::move(on_reading)));
  auto thread = SideThread::begin(
      loop,
      [look = self->look_] {
        look->watched = look->watch.place();
        look->file = read_small_file(look->path);
      },
      [tracker = self.get()] { tracker->on_look(); });
  if (!thread) return tl::make_unexpected(thread.error());
  self->thread_ = *std::move(thread);
  self->thread_->ask();
  return self;
}

std::string FileTracker::standing() const {
  if (!value_) return fmt::format("file {} has not been read yet", file_.name);
  return fmt::format("file {} says {}", file_.name, *value_);
}

void FileTracker::on_ready(std::uint32_t) {
  bool touched = false;
  const bool more = drain([this] { return look_->watch.take(); },
                          [&](FileWatch::News news) {
                            touched = touched || news != FileWatch::News::None;
                            written_ = written_ || news == FileWatch::News::Written;
                          });
  if (more) loop_.resume(*this, EPOLLIN);
  if (touched) thread_->ask();
}

void FileTracker::on_look() {
  if (!look_->watched) {
    complain("its folder is not there: looking every second");
    timer_.arm(loop_.now() + kBetweenLooks);
  }
  const auto said = judge(look_->file.text(file_.path));
  const int value = said.value_or(value_.value_or(file_.initial));
  if (value == value_) return;
  log_.log(Severity::Info, "VRRP_File({}) says {}", file_.name, value);
  value_ = value;
  on_reading_();
}

std::optional<int> FileTracker::judge(const Result<std::string>& text) {
  const bool finished = std::exchange(written_, false);
  if (!text && text.error().code == Errc::NotFound) return file_.initial;
  const auto value = text.and_then(parse_file_value);
  if (value) {
    told_.clear();
    return *value;
  }
  // Whoever has opened it to write has emptied it first.
  if (value.error().code != Errc::NotFound || finished)
    complain(
        fmt::format("{}: {} still counts", value.error().message, value_.value_or(file_.initial)));
  return std::nullopt;
}

void FileTracker::complain(std::string what) {
  if (what == told_) return;
  told_ = std::move(what);
  log_.log(Severity::Warning, "VRRP_File({}) {}", file_.name, told_);
}

}  // namespace hapair::vrrp
