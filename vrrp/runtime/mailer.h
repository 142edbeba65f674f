// Sends mails in the background.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/log.h"
#include "common/loop/loop.h"
#include "vrrp/config/notify.h"
#include "vrrp/core/mail_queue.h"

namespace hapair::vrrp {

/// Lives on its loop's thread; deliveries have another, where they may wait for servers and names.
class Mailer {
 public:
  /// `on_idle` is called from the loop when the last mail is delivered or given up.
  static Result<std::unique_ptr<Mailer>> open(Loop& loop, const AlertMail& settings,
                                              std::string password, std::string node, Logger& log,
                                              std::function<void()> on_idle);
  /// Ends a delivery that is under way.
  ~Mailer();
  Mailer(const Mailer&) = delete;
  Mailer& operator=(const Mailer&) = delete;

  /// Nothing happens where there is no mail of it.
  void send(const Notice& notice);
  /// The daemon stops: every mail is tried once more, at once.
  void hurry();
  /// Tells what is lost if the daemon ends now.
  void give_up();
  bool is_idle() const { return queue_.empty(); }

 private:
  struct Delivery;
  Mailer(Loop& loop, const AlertMail& settings, std::string password, std::string node, Logger& log,
         std::function<void()> on_idle);
  void pump();
  void on_end(const Delivery& delivery);

  Loop& loop_;
  const std::shared_ptr<const AlertMail> settings_;  // shared with deliveries
  const std::string password_;
  const std::string node_;
  Logger& log_;
  const std::function<void()> on_idle_;
  MailQueue queue_;
  std::string told_trouble_;  // why the last one failed; empty: it did not
  Timer timer_;
  std::shared_ptr<Delivery> delivery_;  // the last one
};

}  // namespace hapair::vrrp
