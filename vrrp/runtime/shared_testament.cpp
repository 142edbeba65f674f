#include "vrrp/runtime/shared_testament.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hapair::vrrp {

struct SharedTestament::Layout {
  struct Copy {
    std::uint32_t size;
    std::uint8_t bytes[kRoom];
  };
  // All that stands here is zero in new memory.
  std::atomic<std::int64_t> beat;      // steady nanoseconds
  std::atomic<std::int64_t> allowed;   // likewise
  std::atomic<std::int64_t> patience;  // nanoseconds
  std::atomic<std::uint32_t> dismissed;
  std::atomic<std::uint32_t> current;  // 0: none yet; else 1 + the copy that counts
  Copy copies[2];
};

namespace {

std::int64_t nanoseconds(TimePoint time) { return Duration(time.time_since_epoch()).count(); }

}  // namespace

SharedTestament::SharedTestament(FileDescriptor fd, Layout* layout)
    : fd_(std::move(fd)), layout_(layout) {}

SharedTestament::~SharedTestament() { ::munmap(layout_, sizeof(Layout)); }

Result<std::unique_ptr<SharedTestament>> SharedTestament::create() {
  FileDescriptor fd(::memfd_create("hapair-testament", MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.value(), sizeof(Layout)) != 0)
    return fail_errno(errno, "cannot make the memory that the guardian shares");
  return map(std::move(fd));
}

Result<std::unique_ptr<SharedTestament>> SharedTestament::open(int fd) {
  return map(FileDescriptor(fd));
}

Result<std::unique_ptr<SharedTestament>> SharedTestament::map(FileDescriptor fd) {
  static_assert(std::atomic<std::int64_t>::is_always_lock_free);
  void* at = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, fd.value(), 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot map the memory that the guardian shares");
  return std::unique_ptr<SharedTestament>(
      new SharedTestament(std::move(fd), static_cast<Layout*>(at)));
}

void SharedTestament::beat(TimePoint now) {
  layout_->beat.store(nanoseconds(now), std::memory_order_relaxed);
}

void SharedTestament::set_patience(Duration patience) { layout_->patience = patience.count(); }

void SharedTestament::allow_until(TimePoint then) { layout_->allowed = nanoseconds(then); }

bool SharedTestament::publish(const Testament& testament) {
  const Bytes bytes = write_testament(testament);
  if (bytes.size() > kRoom) return false;
  const std::uint32_t next = layout_->current.load(std::memory_order_relaxed) == 1 ? 1 : 0;
  Layout::Copy& copy = layout_->copies[next];
  copy.size = static_cast<std::uint32_t>(bytes.size());
  std::ranges::copy(bytes, copy.bytes);
  layout_->current.store(next + 1, std::memory_order_release);
  return true;
}

void SharedTestament::dismiss() { layout_->dismissed = 1; }

TimePoint SharedTestament::last_beat() const { return TimePoint(Duration(layout_->beat.load())); }

TimePoint SharedTestament::allowed_until() const {
  return TimePoint(Duration(layout_->allowed.load()));
}

Duration SharedTestament::patience() const { return Duration(layout_->patience.load()); }

bool SharedTestament::is_dismissed() const { return layout_->dismissed != 0; }

std::optional<Testament> SharedTestament::testament() const {
  const std::uint32_t current = layout_->current.load(std::memory_order_acquire);
  if (current != 1 && current != 2) return std::nullopt;
  const Layout::Copy& copy = layout_->copies[current - 1];
  if (copy.size > kRoom) return std::nullopt;
  return read_testament(ByteView(copy.bytes, copy.size));
}

}  // namespace hapair::vrrp
