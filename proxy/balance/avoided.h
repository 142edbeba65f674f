// The servers that have failed one request.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace hapair::balance {

inline constexpr int kNoServer = -1;

/// A request is not given to these again while others will do, and then to the one that failed first.
/// A value of fixed size, which forgets the oldest.
class Avoided {
 public:
  static constexpr std::size_t kMost = 6;

  constexpr Avoided() = default;
  constexpr Avoided(std::initializer_list<int> servers) {
    for (const int server : servers) add(server);
  }

  constexpr bool empty() const { return size_ == 0; }
  constexpr bool contains(int server) const {
    return std::ranges::find(oldest_first(), server) != oldest_first().end();
  }
  constexpr std::span<const int> oldest_first() const { return {servers_.data(), size_}; }

  /// It has failed just now.
  constexpr void add(int server) {
    size_ = static_cast<std::uint8_t>(
        std::remove(servers_.begin(), servers_.begin() + size_, server) - servers_.begin());
    if (size_ == kMost) {
      std::copy(servers_.begin() + 1, servers_.end(), servers_.begin());
      --size_;
    }
    servers_[size_++] = server;
  }
  /// The same servers under other numbers; kNoServer: it is gone.
  template <typename NewNumber>
  void renumber(NewNumber new_number) {
    const Avoided before = *this;
    size_ = 0;
    for (const int server : before.oldest_first())
      if (const int now = new_number(server); now != kNoServer) add(now);
  }

 private:
  std::array<int, kMost> servers_{};
  std::uint8_t size_ = 0;
};

}  // namespace hapair::balance
