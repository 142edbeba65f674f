#include "vrrp/runtime/drill_hall.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "common/crypto.h"

namespace hapair::vrrp {
namespace {

using drill::Kind;

// What an operator reads of a drill; a datagram has room for it.
constexpr std::size_t kMostEvents = 8;
constexpr std::size_t kLongestEvent = 200;  // bytes

std::uint64_t new_id() {
  std::array<std::uint8_t, 8> bytes{};
  fill_randomly(bytes);
  return std::uint64_t{load_be32(bytes.data())} << 32 | load_be32(bytes.data() + 4);
}

std::string_view name_of(drill::Asker::Step step) {
  switch (step) {
    case drill::Asker::Step::Idle: return "idle";
    case drill::Asker::Step::Asked: return "asked";
    case drill::Asker::Step::Begun: return "begun";
    case drill::Asker::Step::Over: return "over";
    case drill::Asker::Step::Refused: return "refused";
  }
  return {};
}

/// The last of an instance, oldest first.
std::vector<DrillOutlook::Event> events_of(const History* history, std::string_view instance) {
  std::vector<DrillOutlook::Event> out;
  if (!history) return out;
  for (const Transition& one : history->transitions()) {
    if (one.instance != instance) continue;
    std::string text = fmt::format("{} -> {} with priority {}: {}", to_string(one.from),
                                   to_string(one.to), one.priority, one.why);
    text.resize(std::min(text.size(), kLongestEvent));
    out.push_back(
        {.at = std::chrono::floor<std::chrono::milliseconds>(one.at), .to = one.to, .text = text});
  }
  if (out.size() > kMostEvents) out.erase(out.begin(), out.end() - kMostEvents);
  return out;
}

}  // namespace

DrillHall::DrillHall(Host host)
    : host_(std::move(host)),
      actor_(host_.loop.now()),
      timer_(host_.loop, [this] { on_due(); }),
      next_timer_(host_.loop, [this] { std::exchange(next_, nullptr)(); }) {}

void DrillHall::change(Pair* pair, bool allowed) {
  pair_ = pair;
  actor_.set_allowed(allowed);
}

void DrillHall::say() {
  if (pair_) pair_->say();
}

Port* DrillHall::port_of(const std::string& instance) const {
  const auto found = std::ranges::find_if(
      host_.ports, [&](const auto& port) { return port->router().config().name == instance; });
  return found == host_.ports.end() ? nullptr : found->get();
}

// ---- the asker

DrillOutlook DrillHall::outlook(const VirtualRouter& router) const {
  DrillOutlook out{.instance = router.config().name,
                   .address = router.placement().addresses.front().address.address.to_string(),
                   .state = router.state(),
                   .trouble = router.trouble(),
                   .allowed = actor_.is_allowed(),
                   .is_busy = asker_.is_busy() || actor_.held(),
                   .step = std::string(name_of(asker_.step())),
                   .why = asker_.why_refused(),
                   .own = events_of(history_, router.config().name)};
  if (pair_) {
    out.node = pair_->own_name();
    out.other = pair_->other().name;
    out.other_heard = pair_->heard() != nullptr;
    out.is_quiet = pair_->is_quiet();
  }
  if (const auto& report = router.peer().report(); report && out.other_heard) {
    out.other_state = report->state;
    out.other_fit = report->fit;
  }
  if (asker_.step() == drill::Asker::Step::Idle) return out;
  out.id = asker_.order().id;
  if (asker_.order().instance == out.instance) out.theirs = told_;
  return out;
}

std::string DrillHall::ask(Kind kind, const VirtualRouter& router, Duration hold) {
  if (std::string why = why_no_drill(outlook(router)); !why.empty()) return why;
  const std::string& instance = router.config().name;
  host_.log.log(Severity::Notice, "VRRP_Instance({}) drill {}: asking {} for it", instance,
                drill::describe(kind).name, pair_->other().name);
  told_.clear();
  asker_.ask({.id = new_id(), .kind = kind, .hold = hold, .instance = instance}, host_.loop.now());
  rearm();
  say();
  return {};
}

std::optional<std::string> DrillHall::close(std::uint64_t id) {
  if (!asker_.close(id)) return std::nullopt;
  rearm();
  return asker_.order().instance;
}

// ---- words

std::vector<PairMessage::Drill> DrillHall::words() const {
  std::vector<PairMessage::Drill> out = asker_.words();
  for (PairMessage::Drill& word : actor_.words()) out.push_back(std::move(word));
  if (asked_about_.empty()) return out;
  const WallTime now = wall_now();
  for (const DrillOutlook::Event& event : events_of(history_, asked_about_))
    out.push_back(
        to_words(drill::Event{std::max(now - event.at, Duration::zero()), event.to, event.text}));
  return out;
}

void DrillHall::on_words(const std::vector<PairMessage::Drill>& words) {
  const TimePoint now = host_.loop.now();
  drill::Heard heard = drill::read(words);
  asked_about_ = std::move(heard.tell);
  for (const drill::Answer& answer : heard.answers) asker_.on_answer(answer, now);
  if (!heard.events.empty()) told_.clear();
  for (drill::Event& event : heard.events)
    told_.push_back({.at = std::chrono::floor<std::chrono::milliseconds>(wall_now()) - event.age,
                     .to = event.to,
                     .text = std::move(event.text)});
  if (heard.order)
    if (const auto order = actor_.on_order(*heard.order, now)) begin(*order);
  rearm();
}

void DrillHall::on_due() {
  const TimePoint now = host_.loop.now();
  asker_.on_deadline(now);
  if (const auto order = actor_.on_deadline(now)) undo(*order);
  rearm();
  if (pair_) pair_->on_changed();
}

void DrillHall::rearm() {
  timer_.arm(std::min(asker_.deadline(), actor_.deadline()));
}

// ---- the actor

void DrillHall::begin(const drill::Order& order) {
  const std::string_view name = drill::describe(order.kind).name;
  host_.log.log(Severity::Warning, "VRRP_Instance({}) drill {}: {} asks for it", order.instance,
                name, pair_->other().name);
  const std::string why_not = carry_out(order);
  if (!why_not.empty())
    host_.log.log(Severity::Warning, "VRRP_Instance({}) drill {} refused: {}", order.instance, name,
                  why_not);
  actor_.on_carried_out(why_not, host_.loop.now());
  say();
}

std::string DrillHall::carry_out(const drill::Order& order) {
  Port* const port = port_of(order.instance);
  if (!port) return fmt::format("there is no instance {} there", order.instance);
  if (port->router().state() != State::Master)
    return fmt::format("{} is not master of {}", pair_->own_name(), order.instance);
  if (!pair_->is_quiet()) return "the last handover is not over there";
  switch (order.kind) {
    case Kind::Switchover: return pair_->hand_over(port->router());
    case Kind::Failover: rehearse_fault(order, true); return {};
    case Kind::KillProxy: return signal_proxy(SIGKILL);
    case Kind::HangProxy: return signal_proxy(SIGSTOP);
    case Kind::StopVrrp:
      for (const auto& one : host_.ports) {
        one->router().shutdown(host_.loop.now());
        one->rearm();
      }
      return {};
    // In a turn of its own: the answer and the log go out before.
    case Kind::KillVrrp: next_ = [] { ::kill(::getpid(), SIGKILL); }; break;
    case Kind::LinkDown: next_ = [this, order] { pull_cable(order, true); }; break;
  }
  if (next_) next_timer_.arm(host_.loop.now());
  return {};
}

void DrillHall::undo(const drill::Order& order) {
  host_.log.log(Severity::Notice, "VRRP_Instance({}) drill {}: undone", order.instance,
                drill::describe(order.kind).name);
  switch (order.kind) {
    case Kind::Failover: return rehearse_fault(order, false);
    case Kind::LinkDown: return pull_cable(order, false);
    case Kind::HangProxy:
      if (stopped_) ::syscall(SYS_pidfd_send_signal, stopped_->fd.value(), SIGCONT, nullptr, 0);
      stopped_.reset();
      return host_.on_testament();
    case Kind::StopVrrp:
      for (const auto& one : host_.ports)
        if (one->router().started() && one->router().state() == State::Initialize) one->start();
      return;
    case Kind::Switchover:
    case Kind::KillProxy:
    case Kind::KillVrrp: break;
  }
}

void DrillHall::pull_cable(const drill::Order& order, bool out) {
  const Port* const meant = port_of(order.instance);
  if (pair_) pair_->mute(out);
  for (const auto& port : host_.ports) {
    if (!meant || port->link().index != meant->link().index) continue;
    port->mute(out);
    port->router().on_rehearsed(out, host_.loop.now());
    port->rearm();
  }
}

/// Its synchronization group follows.
void DrillHall::rehearse_fault(const drill::Order& order, bool fails) {
  Port* const port = port_of(order.instance);
  if (!port) return;
  port->router().on_rehearsed(fails, host_.loop.now());
  port->rearm();
}

std::string DrillHall::signal_proxy(int number) {
  auto proxy = host_.trackers.proxy_process();
  if (!proxy) return proxy.error().message;
  if (::syscall(SYS_pidfd_send_signal, proxy->fd.value(), number, nullptr, 0) != 0)
    return fmt::format("cannot signal the proxy, process {}: {}; do both daemons run as one user?",
                       proxy->pid, std::generic_category().message(errno));
  if (number == SIGSTOP) {
    stopped_ = *std::move(proxy);
    host_.on_testament();
  }
  return {};
}

void DrillHall::shutdown() {
  timer_.disarm();
  next_timer_.disarm();
  // Elections that were stopped need not begin again.
  const auto order = actor_.on_shutdown();
  if (order && (order->kind == Kind::HangProxy || order->kind == Kind::LinkDown)) undo(*order);
}

Testament DrillHall::testament() const {
  Testament out;
  if (stopped_) out.stopped.push_back(stopped_->pid);
  return out;
}

}  // namespace hapair::vrrp
