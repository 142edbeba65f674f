#include "vrrp/core/drill.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/text.h"

namespace hapair::vrrp::drill {
namespace {

constexpr std::array kDescriptions = {
    Description{Kind::Switchover, "switchover",
                "the planned handover; the address stays where it went"},
    Description{Kind::Failover, "failover",
                "the master resigns without a handover, as in FAULT, for the hold", true},
    Description{Kind::KillProxy, "kill-proxy",
                "kill -9 of the master's proxy, which its service manager starts again"},
    Description{Kind::HangProxy, "hang-proxy",
                "SIGSTOP of the master's proxy, and SIGCONT after the hold", true},
    Description{Kind::StopVrrp, "stop-vrrp",
                "the master's VRRP daemon stops all elections as SIGTERM does, for the hold", true},
    Description{Kind::KillVrrp, "kill-vrrp",
                "kill -9 of the master's VRRP daemon, which its service manager starts again"},
    Description{Kind::LinkDown, "link-down",
                "the master falls silent and holds nothing, as with its cable pulled, for the hold", true},
};

constexpr std::string_view kStart = "start", kTell = "tell", kTold = "told";
constexpr std::pair<Answer::Step, std::string_view> kSteps[] = {{Answer::Step::Begun, "begun"},
                                                                {Answer::Step::Over, "over"},
                                                                {Answer::Step::Refused, "refused"}};

std::string_view take_word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

std::optional<Duration> take_milliseconds(std::string_view& rest) {
  const auto count = parse_number<std::uint32_t>(take_word(rest));
  if (!count) return std::nullopt;
  return std::chrono::milliseconds(*count);
}

/// "ID NAME MILLISECONDS INSTANCE"
std::optional<Order> read_order(std::string_view text) {
  const auto id = parse_number<std::uint64_t>(take_word(text));
  const Description* found = find(take_word(text));
  const auto hold = take_milliseconds(text);
  if (!id || !found || !hold || *hold < kShortestHold || *hold > kLongestHold || text.empty())
    return std::nullopt;
  return Order{.id = *id, .kind = found->kind, .hold = *hold, .instance = std::string(text)};
}

}  // namespace

std::span<const Description> descriptions() {
  return kDescriptions;
}

const Description& describe(Kind kind) {
  return *std::ranges::find(kDescriptions, kind, &Description::kind);
}

const Description* find(std::string_view name) {
  const auto found = std::ranges::find(kDescriptions, name, &Description::name);
  return found == kDescriptions.end() ? nullptr : &*found;
}

// ---- words

PairMessage::Drill to_words(const Order& order) {
  return {.verb = std::string(kStart),
          .detail = fmt::format("{} {} {} {}", order.id, describe(order.kind).name,
                                to_milliseconds(order.hold), order.instance)};
}

PairMessage::Drill to_words(const Answer& answer) {
  const auto* const step =
      std::ranges::find(kSteps, answer.step, &std::pair<Answer::Step, std::string_view>::first);
  return {.verb = std::string(step->second),
          .detail = answer.why.empty() ? fmt::to_string(answer.id)
                                       : fmt::format("{} {}", answer.id, answer.why)};
}

PairMessage::Drill to_words(const Event& event) {
  return {.verb = std::string(kTold),
          .detail =
              fmt::format("{} {} {}", to_milliseconds(event.age), to_string(event.to), event.text)};
}

PairMessage::Drill ask_for_events(std::string_view instance) {
  return {.verb = std::string(kTell), .detail = std::string(instance)};
}

Heard read(std::span<const PairMessage::Drill> words) {
  Heard out;
  for (const PairMessage::Drill& word : words) {
    std::string_view rest = word.detail;
    if (word.verb == kStart) out.order = read_order(rest);
    if (word.verb == kTell) out.tell = rest;
    if (word.verb == kTold) {
      const auto age = take_milliseconds(rest);
      const auto to = parse_state(take_word(rest));
      if (age && to) out.events.push_back({*age, *to, std::string(rest)});
    }
    for (const auto& [step, name] : kSteps) {
      if (word.verb != name) continue;
      if (const auto id = parse_number<std::uint64_t>(take_word(rest)))
        out.answers.push_back({.id = *id, .step = step, .why = std::string(rest)});
    }
  }
  return out;
}

// ---- the asker

void Asker::ask(Order order, TimePoint now) {
  order_ = std::move(order);
  step_ = Step::Asked;
  why_.clear();
  tells_ = true;
  told_until_ = now + kCurious + order_.hold;
  deadline_ = now + kSaid;
}

void Asker::refuse(std::string why) {
  step_ = Step::Refused;
  why_ = std::move(why);
  tells_ = false;
  deadline_ = kNever;
}

void Asker::on_answer(const Answer& answer, TimePoint) {
  if (!is_busy() || answer.id != order_.id) return;
  if (answer.step == Answer::Step::Refused) {
    // Whoever has begun once and refuses now is another process, which knows nothing of it.
    if (step_ == Step::Asked) refuse(answer.why);
    return;
  }
  step_ = answer.step == Answer::Step::Begun ? Step::Begun : Step::Over;
  deadline_ = told_until_;
}

void Asker::on_deadline(TimePoint now) {
  if (now < deadline_) return;
  if (step_ == Step::Asked) return refuse("the other node did not answer");
  if (step_ == Step::Begun) step_ = Step::Over;  // nobody will say so any more
  tells_ = false;
  deadline_ = kNever;
}

bool Asker::close(std::uint64_t id) {
  if (step_ == Step::Idle || id != order_.id) return false;
  step_ = Step::Idle;
  tells_ = false;
  deadline_ = kNever;
  return true;
}

std::vector<PairMessage::Drill> Asker::words() const {
  std::vector<PairMessage::Drill> out;
  if (step_ == Step::Asked) out.push_back(to_words(order_));
  if (tells_) out.push_back(ask_for_events(order_.instance));
  return out;
}

// ---- the actor

void Actor::refuse(std::uint64_t id, std::string why, TimePoint now) {
  refused_ = Answer{.id = id, .step = Answer::Step::Refused, .why = std::move(why)};
  says_ = true;
  if (!holds_) deadline_ = now + kAnswered;
}

std::optional<Order> Actor::on_order(const Order& order, TimePoint now) {
  if ((current_ && current_->id == order.id) || (refused_ && refused_->id == order.id))
    return std::nullopt;
  const auto no = [&](std::string why) {
    refuse(order.id, std::move(why), now);
    return std::nullopt;
  };
  if (!allowed_)
    return no("the file does not allow it: set drills = true in [pair], on both nodes");
  if (now - started_ < kLeastUptime) return no("its VRRP daemon has only just started");
  if (holds_) return no("another drill is under way there");
  current_ = order;
  return order;
}

void Actor::on_carried_out(std::string_view why_not, TimePoint now) {
  if (!current_) return;
  if (!why_not.empty()) {
    const std::uint64_t id = std::exchange(current_, std::nullopt)->id;
    return refuse(id, std::string(why_not), now);
  }
  says_ = true;
  holds_ = describe(current_->kind).lasts;
  deadline_ = now + (holds_ ? current_->hold : kAnswered);
}

std::optional<Order> Actor::on_deadline(TimePoint now) {
  if (now < deadline_) return std::nullopt;
  if (std::exchange(holds_, false)) {
    deadline_ = now + kAnswered;
    return current_;
  }
  says_ = false;
  deadline_ = kNever;
  return std::nullopt;
}

std::optional<Order> Actor::on_shutdown() {
  deadline_ = kNever;
  return std::exchange(holds_, false) ? current_ : std::nullopt;
}

std::vector<PairMessage::Drill> Actor::words() const {
  std::vector<PairMessage::Drill> out;
  if (!says_) return out;
  if (current_)
    out.push_back(to_words(Answer{
        .id = current_->id, .step = holds_ ? Answer::Step::Begun : Answer::Step::Over, .why = {}}));
  if (refused_) out.push_back(to_words(*refused_));
  return out;
}

}  // namespace hapair::vrrp::drill
