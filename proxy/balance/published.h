// A value that the main thread replaces while workers use it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace hapair::balance {

/// Each reader keeps its own reference and renews it when the version moved: an old value lives
/// until the last reader has seen a newer one.
template <typename Value>
class Published {
 public:
  /// Readers are numbered 0 … workers; `workers` is the main thread.
  explicit Published(unsigned workers) : readers_(workers + 1) {}

  /// Main thread.
  void publish(Value value) {
    auto fresh = std::make_shared<const Value>(std::move(value));
    const std::lock_guard lock(mutex_);
    current_ = std::move(fresh);
    version_.fetch_add(1, std::memory_order_release);
  }
  /// Valid until this reader's next call.
  const Value& read(unsigned worker) {
    Reader& reader = readers_[worker];
    if (reader.version != version_.load(std::memory_order_acquire)) {
      const std::lock_guard lock(mutex_);
      reader.value = current_;
      reader.version = version_.load(std::memory_order_relaxed);
    }
    return *reader.value;
  }

 private:
  struct alignas(64) Reader {
    std::uint64_t version = 0;
    std::shared_ptr<const Value> value;
  };

  std::vector<Reader> readers_;
  std::mutex mutex_;  // guards current_
  std::shared_ptr<const Value> current_ = std::make_shared<const Value>();
  std::atomic<std::uint64_t> version_ = 1;
};

}  // namespace hapair::balance
