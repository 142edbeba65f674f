#include "common/loop/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace hapair {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostKept = 1024 * 1024;
constexpr Duration kLook = 1s;      // between looks whether the file still has its name
constexpr auto kLastWait = 500ms;  // at the end of the process

}  // namespace

int open_log_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                0640);
}

/// What the writing thread touches. One batch is under way at a time.
struct LogFile::Writer {
  explicit Writer(std::string where) : path(std::move(where)) { open(); }
  ~Writer() {
    if (fd >= 0) ::close(fd);
  }

  void open() {
    const int opened = open_log_file(path);
    if (opened < 0) return;  // what is open still takes the lines
    if (fd >= 0) ::close(fd);
    fd = opened;
  }

  void look() {
    struct stat named{}, held{};
    const bool same = fd >= 0 && ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &held) == 0 &&
                      named.st_ino == held.st_ino && named.st_dev == held.st_dev;
    if (!same) open();
  }

  void write() {
    const TimePoint now = steady_now();
    if (now >= next_look) {
      look();
      next_look = now + kLook;
    }
    std::string_view rest = lines.run(0, lines.lines());
    while (fd >= 0 && !rest.empty()) {
      const ssize_t taken = ::write(fd, rest.data(), rest.size());
      if (taken < 0 && errno == EINTR) continue;
      if (taken <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(taken));
    }
    if (!rest.empty()) {
      // A full disk: the lines that did not get there whole.
      const std::size_t written = lines.size() - rest.size();
      std::size_t size = 0, whole = 0;
      while (whole < lines.lines() && (size += lines.line(whole).size()) <= written) ++whole;
      lost += lines.lines() - whole;
    }
    lines.clear();
  }

  const std::string path;
  int fd = -1;
  LogBatch lines;
  std::uint64_t lost = 0;
  TimePoint next_look = steady_now() + kLook;

  std::mutex mutex;
  std::condition_variable idle;
  bool busy = false;  // guarded by mutex; while set, everything above is the writing thread's
};

LogFile::LogFile(Loop& loop, const LogTarget& where, const LogSpeaker& speaker)
    : LogSink(where, speaker), loop_(loop), writer_(std::make_shared<Writer>(where.path)) {}

LogFile::~LogFile() = default;

void LogFile::hand_over() {
  std::swap(writer_->lines, batch);
  writer_->busy = true;
  loop_.offload([writer = writer_] {
    writer->write();
    const std::lock_guard lock(writer->mutex);
    writer->busy = false;
    writer->idle.notify_all();
  });
}

std::uint64_t LogFile::flush() {
  const std::lock_guard lock(writer_->mutex);
  if (writer_->busy) return batch.trim(kMostKept);  // its end comes with another turn
  const std::uint64_t lost = std::exchange(writer_->lost, 0);
  if (!batch.empty()) hand_over();
  return lost;
}

std::uint64_t LogFile::finish() {
  std::unique_lock lock(writer_->mutex);
  if (!writer_->idle.wait_for(lock, kLastWait, [this] { return !writer_->busy; })) {
    const std::uint64_t lost = batch.lines();
    batch.clear();
    return lost;
  }
  std::swap(writer_->lines, batch);
  writer_->write();
  return std::exchange(writer_->lost, 0);
}

}  // namespace hapair
