// How one program follows another in the place of the same process.
#include <algorithm>
#include <utility>

#include "vrrp/daemon.h"

namespace hapair::vrrp {
namespace {

// So long the next program may be silent before the guardian takes it for hung. The addresses'
// lease is not longer.
constexpr Duration kSilence = std::chrono::seconds(1);

}  // namespace

Result<void> Daemon::succeed(const Succession& before) {
  for (const Succession::Router& router : before.routers) {
    const auto& ports = supervisor_->ports();
    const auto same = [&](const auto& port) {
      return port->router().config().name == router.instance;
    };
    // Its addresses are the guardian's to remove, who sees us end.
    if (std::ranges::none_of(ports, same))
      return fail(Errc::NotFound, "the files have changed: instance {} is gone", router.instance);
    notifier_->know(router.instance, router.election.state);
  }
  supervisor_->resume(before);
  log_.log(Severity::Notice, "{} {} goes on in the place of the program before it", kProgram,
           HAPAIR_VERSION);
  if (before.guardian < 0) return {};
  // Ours knows all by now.
  auto shared = SharedTestament::open(before.guardian);
  if (!shared) return tl::make_unexpected(shared.error());
  (*shared)->dismiss();
  return {};
}

void Daemon::replace() {
  if (stopping_ || draining_) return refuse_replacement("the daemon is stopping");
  if (loading_ || replacing_ != Replacing::No) return refuse_replacement("one thing at a time");
  if (const std::string why = supervisor_->why_not_succeeded(); !why.empty())
    return refuse_replacement(why);
  replacing_ = Replacing::Trying;
  notify_reloading();
  const auto loaded = std::make_shared<Loaded>();
  loop_.offload([loaded, options = options_] { *loaded = load_again(options); },
                [loaded, weak = std::weak_ptr(self_)] {
                  if (const auto self = weak.lock()) (*self)->try_another(*loaded);
                });
}

void Daemon::try_another(const Loaded& loaded) {
  if (stopping_ || draining_) return;
  const auto good =
      judge(loaded).and_then([&] { return supervisor_->may_be_succeeded_with(*loaded.task); });
  if (!good) return refuse_replacement(good.error().message);
  replacement_.try_it([this](const Result<void>& tried) { on_tried(tried); });
}

void Daemon::on_tried(const Result<void>& tried) {
  if (stopping_ || draining_) return;
  if (!tried) return refuse_replacement(tried.error().message);
  // Who is being told of something is told to the end.
  auto notifier = open_informed_notifier(supervisor_->config(), mail_password_);
  if (!notifier) return refuse_replacement(notifier.error().message);
  replacing_ = Replacing::Agreed;
  replace_notifier(*std::move(notifier));
}

void Daemon::become_another() {
  if (stopping_ || draining_) return;
  if (const std::string why = supervisor_->why_not_succeeded(); !why.empty())
    return refuse_replacement(why);
  Succession succession = supervisor_->succession();
  if (guardian_) {
    succession.guardian = guardian_->shared();
    guardian_->allow(kSilence);
  }
  log_.log(Severity::Notice, "Replacing the program: {} runs next", replacement_.program());
  log_.flush();
  const Error failed = replacement_.become(succession);
  if (guardian_) guardian_->allow_no_more();
  refuse_replacement(failed.message);
}

void Daemon::refuse_replacement(std::string_view why) {
  const std::string line = fmt::format("SIGUSR2 refused, nothing changes: {}", why);
  log_.write(Severity::Error, line);
  if (std::exchange(replacing_, Replacing::No) != Replacing::No)
    notify_service_manager(fmt::format("READY=1\nSTATUS={}", line));
}

}  // namespace hapair::vrrp
