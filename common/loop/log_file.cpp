#include "common/loop/log_file.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace hapair {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostKept = 1024 * 1024;
constexpr Duration kLook = 1s;      // between looks whether the file still has its name
constexpr Duration kIdleLook = 5s;  // the same, while nothing is written
constexpr auto kLastWait = 500ms;  // at the end of the process

}  // namespace

int open_log_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                0640);
}

/// What the writing thread touches. One batch is under way at a time.
struct LogFile::Writer {
  explicit Writer(std::string where) : path(std::move(where)) {
    sem_init(&idle, 0, 1);
    open();
  }
  ~Writer() {
    sem_destroy(&idle);
    if (fd >= 0) ::close(fd);
  }

  void open() {
    const int opened = open_log_file(path);
    if (opened < 0) return;
    if (fd >= 0) ::close(fd);
    fd = opened;
  }

  void look() {
    struct stat named{}, held{};
    const bool holds = fd >= 0 && ::fstat(fd, &held) == 0;
    if (holds && ::stat(path.c_str(), &named) == 0 && named.st_ino == held.st_ino &&
        named.st_dev == held.st_dev)
      return;
    const int before = fd;
    open();
    // Where that fails, what was renamed still takes lines; in what was removed nobody finds them.
    if (holds && fd == before && held.st_nlink == 0) ::close(std::exchange(fd, -1));
  }

  /// The file ends in the middle of a line, perhaps another thread's. True where nobody can tell:
  /// an empty line is less than two lines in one.
  bool is_torn() const {
    const int reading = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (reading < 0) return true;
    char last = 0;
    const off_t size = ::lseek(reading, 0, SEEK_END);
    const bool whole = size == 0 || (::pread(reading, &last, 1, size - 1) == 1 && last == '\n');
    ::close(reading);
    return !whole;
  }

  void write() {
    const TimePoint now = steady_now();
    if (now >= next_look) {
      look();
      next_look = now + kLook;
    }
    std::string_view rest = lines.run(0, lines.lines());
    const bool mended = !failed || fd < 0 || !is_torn() || ::write(fd, "\n", 1) == 1;
    while (fd >= 0 && mended && !rest.empty()) {
      const ssize_t got = ::write(fd, rest.data(), rest.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(got));
    }
    if (!rest.empty()) {
      // A full disk: the lines that did not get there whole.
      const std::size_t written = lines.size() - rest.size();
      std::size_t size = 0, whole = 0;
      while (whole < lines.lines() && (size += lines.line(whole).size()) <= written) ++whole;
      lost += lines.lines() - whole;
    }
    failed = !rest.empty();
    taken = !failed;
    lines.clear();
  }

  const std::string path;
  int fd = -1;
  LogBatch lines;
  std::uint64_t lost = 0;
  bool taken = false;   // lines, all of them, since that was asked last
  bool failed = false;  // the last batch
  TimePoint next_look = steady_now() + kLook;

  /// Whoever takes it owns everything above until he posts it. Not a lock: the loop's thread may be
  /// one of real-time priority, and never waits for the other.
  sem_t idle;
};

LogFile::LogFile(Loop& loop, const LogTarget& where, const LogSpeaker& speaker)
    : LogSink(where, speaker),
      loop_(loop),
      writer_(std::make_shared<Writer>(where.path)),
      look_timer_(loop, [this] { look(); }) {
  look_timer_.arm(loop_.now() + kIdleLook);
}

LogFile::~LogFile() = default;

void LogFile::look() {
  look_timer_.arm(loop_.now() + kIdleLook);
  if (sem_trywait(&writer_->idle) != 0) return;  // a batch is under way
  loop_.offload([writer = writer_] {
    writer->look();
    sem_post(&writer->idle);
  });
}

void LogFile::hand_over() {
  look_timer_.arm(loop_.now() + kIdleLook);  // who writes looks
  std::swap(writer_->lines, batch);
  loop_.offload([writer = writer_] {
    writer->write();
    sem_post(&writer->idle);
  });
}

LogSink::Outcome LogFile::flush() {
  if (sem_trywait(&writer_->idle) != 0)
    return {.lost = batch.trim(kMostKept)};  // its end comes with another turn
  const Outcome outcome{std::exchange(writer_->lost, 0), std::exchange(writer_->taken, false)};
  if (batch.empty())
    sem_post(&writer_->idle);
  else
    hand_over();
  return outcome;
}

std::uint64_t LogFile::finish() {
  timespec until{};
  ::clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += kLastWait / 1ns;
  until.tv_sec += until.tv_nsec / 1'000'000'000;
  until.tv_nsec %= 1'000'000'000;
  while (sem_clockwait(&writer_->idle, CLOCK_MONOTONIC, &until) != 0) {
    if (errno == EINTR) continue;
    const std::uint64_t lost = batch.lines();
    batch.clear();
    return lost;
  }
  std::swap(writer_->lines, batch);
  writer_->write();
  const std::uint64_t lost = std::exchange(writer_->lost, 0);
  sem_post(&writer_->idle);
  return lost;
}

}  // namespace hapair
