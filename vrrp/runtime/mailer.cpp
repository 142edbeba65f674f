#include "vrrp/runtime/mailer.h"

#include <optional>

#include "vrrp/runtime/smtp.h"

namespace hapair::vrrp {

/// What both threads know of it. Until it is done, all but `cancel` is the delivering thread's.
struct Mailer::Delivery {
  std::shared_ptr<const AlertMail> settings;
  std::string password;
  Mail mail;
  std::optional<SmtpFailure> failure;
  SmtpCancel cancel;
};

Mailer::Mailer(Loop& loop, const AlertMail& settings, std::string password, std::string node,
               Logger& log, std::function<void()> on_idle)
    : loop_(loop),
      settings_(std::make_shared<AlertMail>(settings)),
      password_(std::move(password)),
      node_(std::move(node)),
      log_(log),
      on_idle_(std::move(on_idle)),
      timer_(loop, [this] { pump(); }) {}

Mailer::~Mailer() {
  if (delivery_) delivery_->cancel.cancel();
}

Result<std::unique_ptr<Mailer>> Mailer::open(Loop& loop, const AlertMail& settings,
                                             std::string password, std::string node, Logger& log,
                                             std::function<void()> on_idle) {
  if (auto prepared = prepare_smtp(settings); !prepared)
    return tl::make_unexpected(prepared.error());
  return std::unique_ptr<Mailer>(new Mailer(loop, settings, std::move(password), std::move(node),
                                            log, std::move(on_idle)));
}

void Mailer::send(const Notice& notice) {
  auto mail = write_mail(notice, node_, settings_->from, settings_->to, wall_now());
  if (!mail) return;
  if (const auto lost = queue_.push(*std::move(mail)))
    log_.log(Severity::Error, "mail \"{}\" is lost: too many wait for {}", lost->subject,
             settings_->host);
  pump();
}

void Mailer::pump() {
  const Mail* mail = queue_.take(loop_.now());
  if (!mail) return timer_.arm(queue_.deadline());
  delivery_ = std::make_shared<Delivery>();
  delivery_->settings = settings_;
  delivery_->password = password_;
  delivery_->mail = *mail;
  loop_.offload(
      [delivery = delivery_] {
        delivery->failure = deliver(*delivery->settings, delivery->password, delivery->mail.message,
                                    delivery->cancel);
      },
      // A Mailer that is no more has cancelled it.
      [this, delivery = delivery_] {
        if (!delivery->cancel.is_cancelled()) on_end(*delivery);
      });
}

void Mailer::on_end(const Delivery& delivery) {
  const std::string& subject = delivery.mail.subject;
  if (!delivery.failure) {
    queue_.on_delivered();
    told_trouble_.clear();
    log_.log(Severity::Info, "mail \"{}\" was delivered to {}", subject, settings_->host);
  } else {
    const auto& [for_good, why] = *delivery.failure;
    const bool again = queue_.on_failed(for_good, loop_.now()) == MailQueue::Outcome::TriedAgain;
    if (!again)
      log_.log(Severity::Error, "mail \"{}\" is lost: {}: {}", subject, settings_->host, why);
    else if (why != told_trouble_)
      log_.log(Severity::Warning, "mail \"{}\" is not delivered yet, and will be tried again: {}: {}",
               subject, settings_->host, why);
    told_trouble_ = why;
  }
  pump();
  if (queue_.empty()) on_idle_();
}

void Mailer::hurry() {
  queue_.hurry();
  pump();
}

void Mailer::give_up() {
  if (!queue_.empty())
    log_.log(Severity::Error, "{} mail{} to {} {} lost: the daemon stops", queue_.size(),
             queue_.size() == 1 ? "" : "s", settings_->host, queue_.size() == 1 ? "is" : "are");
}

}  // namespace hapair::vrrp
