// What live traffic shows of a server's health, beside its probes.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hapair::health {

/// How much of the traffic counts: HAProxy's `observe`.
enum class Observed : std::uint8_t {
  Nothing,
  Layer4,  // whether connections come about
  Layer7,  // and how requests are answered
};

/// One thing that a request or connection has shown.
enum class Evidence : std::uint8_t {
  Connected,
  ConnectFailed,
  GoodResponse,
  WrongStatus,
  InvalidHead,
  InvalidBody,
  NoAnswerInTime,
  ClosedUnanswered,
};

/// What a response's status shows. 501 and 505 are the client's doing as much as the server's.
constexpr Evidence evidence_of(int status) {
  const bool good = (status >= 100 && status < 500) || status == 501 || status == 505;
  return good ? Evidence::GoodResponse : Evidence::WrongStatus;
}

/// Whether it speaks for the server or against it; nothing if it does not count. On layer 7 a
/// connection that comes about is no merit: what is said on it is.
std::optional<bool> speaks_for(Evidence evidence, Observed observed);

/// "Detected 10 consecutive errors, last one was: Wrong http response", HAProxy's words.
std::string describe_errors(unsigned errors, Evidence last);

/// Errors in a row of one server, over all workers. Any thread, without a lock.
class ErrorStreak {
 public:
  /// True for one caller each time the limit is reached; the streak begins anew.
  bool on_error(unsigned limit) {
    unsigned errors = errors_.load(std::memory_order_relaxed);
    while (!errors_.compare_exchange_weak(errors, errors + 1 >= limit ? 0 : errors + 1,
                                          std::memory_order_relaxed)) {
    }
    return errors + 1 >= limit;
  }
  /// Only looks, while all goes well: no line of memory is fought over.
  void on_success() {
    if (errors_.load(std::memory_order_relaxed) != 0) errors_.store(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<unsigned> errors_ = 0;
};

}  // namespace hapair::health
