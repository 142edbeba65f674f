// Preloaded into a daemon: counts its heap allocations.
//
// The count is a 64-bit number in native order at the start of the file $BENCH_ALLOCATIONS names,
// which is mapped, so a test reads it while the daemon runs. Requests that grow or replace a block
// count as well.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

std::uint64_t before_start = 0;
std::uint64_t* counter = &before_start;

void count() { std::atomic_ref<std::uint64_t>(*counter).fetch_add(1, std::memory_order_relaxed); }

__attribute__((constructor)) void map_counter() {
  const char* path = std::getenv("BENCH_ALLOCATIONS");
  if (!path) return;
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (::ftruncate(fd, sizeof(std::uint64_t)) == 0) {
    void* page = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED) counter = static_cast<std::uint64_t*>(page);
  }
  ::close(fd);
}

}  // namespace

// glibc's own entries under the names it exports for this; operator new comes here through malloc.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t members, std::size_t size) {
  count();
  return __libc_calloc(members, size);
}
void* realloc(void* block, std::size_t size) {
  count();
  return __libc_realloc(block, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  count();
  *block = __libc_memalign(alignment, size);
  return *block ? 0 : 12;  // ENOMEM
}
}
