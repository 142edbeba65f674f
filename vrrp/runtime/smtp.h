// Delivers a mail to an SMTP server. The only door to libcurl.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "vrrp/config/notify.h"

namespace hapair::vrrp {

/// Before the first delivery, while there is one thread. An error tells what is missing on this host.
Result<void> prepare_smtp(const AlertMail& settings);

/// Ends a delivery from another thread.
class SmtpCancel {
 public:
  void cancel();
  bool is_cancelled() const;

  // For the delivery: its sockets, which a cancel shuts down, so that nothing waits for them any more.
  int open_socket(int family, int type, int protocol);  // or -1
  int close_socket(int fd);

 private:
  mutable std::mutex mutex_;
  bool cancelled_ = false;
  std::vector<int> sockets_;
};

struct SmtpFailure {
  bool for_good = false;  // the server has been reached, and will not take this mail later either
  std::string why;        // nothing of the password is in it
};

/// `message` is header and body, with lines ended by CR LF. Blocks, for settings.timeout at most; on
/// any thread. Nothing: the server has it, for one of the receivers at least.
std::optional<SmtpFailure> deliver(const AlertMail& settings, const std::string& password,
                                   std::string_view message, SmtpCancel& cancel);

}  // namespace hapair::vrrp
