#include "common/loop/log_shipper.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace hapair {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFlushBytes = 64 * 1024;  // a turn that logs more than this sends at once
constexpr Duration kCalm = 1s;  // a target takes lines, before it is told what it missed

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return {};
  std::string host(name);
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return plain ? host : std::string();
}

/// Calls `visit` with the index of every bit that is set, lowest first.
template <typename Visit>
void for_each_bit(LogRoute route, Visit visit) {
  for (; route != 0; route &= route - 1) visit(static_cast<std::size_t>(std::countr_zero(route)));
}

}  // namespace

LogShipper::LogShipper(Loop& loop, const std::vector<LogTarget>& targets, std::string tag)
    : loop_(loop),
      speaker_{.tag = std::move(tag), .host = host_name(), .pid = ::getpid()} {
  main_ = open(targets);
  loop.at_turn_end([this] { flush(); });
}

LogShipper::~LogShipper() { finish(); }

LogRoute LogShipper::open(const std::vector<LogTarget>& targets) {
  LogRoute route = 0;
  for (const LogTarget& target : targets) {
    std::size_t index = 0, free = kMostSinks;
    for (; index < kMostSinks; ++index) {
      if (sinks_[index] && sinks_[index]->target == target) break;
      if (!sinks_[index] && free == kMostSinks) free = index;
    }
    if (index == kMostSinks) {
      index = free;
      if (index == kMostSinks) {
        // Many configurations, one after the other, and connections that outlived them.
        write(Severity::Error, fmt::format("{} gets no lines: {} log targets are open already",
                                           target.name(), kMostSinks));
        continue;
      }
      sinks_[index] = open_log_sink(loop_, target, speaker_);
      sinks_[index]->flush_at = kFlushBytes;
    }
    const LogRoute bit = LogRoute{1} << index;
    if (!(route & bit)) ++sinks_[index]->users;
    route |= bit;
  }
  opened_ |= route;
  index_sinks();
  return route;
}

void LogShipper::close(LogRoute route) {
  for_each_bit(route, [this](std::size_t i) {
    if (--sinks_[i]->users > 0) return;
    note_loss(*sinks_[i], sinks_[i]->leave());
    sinks_[i].reset();
    opened_ &= ~(LogRoute{1} << i);
  });
  index_sinks();
}

void LogShipper::redirect(const std::vector<LogTarget>& targets) {
  const LogRoute before = std::exchange(main_, open(targets));
  close(before);
}

void LogShipper::index_sinks() {
  wanting_ = {};
  sampled_ = 0;
  longest_ = 0;
  for_each_bit(opened_, [this](std::size_t i) {
    const LogTarget& target = sinks_[i]->target;
    const LogRoute bit = LogRoute{1} << i;
    for (std::size_t level = 0; level <= static_cast<std::size_t>(target.level); ++level)
      wanting_[level] |= bit;
    if (target.sample.of > 1) sampled_ |= bit;
    longest_ = std::max(longest_, target.length);
  });
}

std::size_t LogShipper::shortest_text(LogRoute route) const {
  std::size_t shortest = longest_;
  for_each_bit(route & opened_, [&](std::size_t i) {
    shortest = std::min(shortest, sinks_[i]->form.text_room());
  });
  return shortest;
}

WallTime LogShipper::now() {
  if (now_ == WallTime{}) now_ = wall_now();
  return now_;
}

void LogShipper::write(Severity severity, std::string_view text) {
  const LogRoute wanted = main_ & wanting_[static_cast<std::size_t>(severity)];
  if (wanted == 0) return;
  text = text.substr(0, longest_);
  end_line(put_cleaned(begin_on(wanted, severity, text.size()), text));
}

void LogShipper::write_with(Severity severity, std::string_view text,
                            std::span<const LogField> fields) {
  fields_ = field_lines(fields);
  write(severity, text);
  fields_.clear();
}

char* LogShipper::begin_line(LogRoute route, Severity severity, std::size_t most) {
  LogRoute wanted = route & wanting_[static_cast<std::size_t>(severity)];
  for_each_bit(wanted & sampled_, [&](std::size_t i) {
    if (!sinks_[i]->is_sampled()) wanted &= ~(LogRoute{1} << i);
  });
  return wanted == 0 ? nullptr : begin_on(wanted, severity, most);
}

char* LogShipper::begin_on(LogRoute wanted, Severity severity, std::size_t most) {
  severity_ = severity;
  line_route_ = wanted;
  LogSink& first = *sinks_[static_cast<std::size_t>(std::countr_zero(wanted))];
  return text_ = begin_in(first, severity, most);
}

char* LogShipper::begin_in(LogSink& sink, Severity severity, std::size_t most) {
  if (sink.batch.size() > sink.flush_at) flush(sink);
  const std::size_t room = sink.form.overhead() + most + fields_.size();
  return sink.form.begin(sink.batch.room(room), severity, now());
}

void LogShipper::end_line(char* end) {
  // Written once, in the first target's buffer, and copied from there before it is cut.
  const std::string_view text(text_, static_cast<std::size_t>(end - text_));
  for_each_bit(line_route_ & (line_route_ - 1), [&](std::size_t i) {
    LogSink& sink = *sinks_[i];
    char* at = begin_in(sink, severity_, text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    sink.batch.commit(sink.form.finish(sink.batch.room(0), at + text.size(), fields_));
  });
  LogSink& first = *sinks_[static_cast<std::size_t>(std::countr_zero(line_route_))];
  first.batch.commit(first.form.finish(first.batch.room(0), end, fields_));
}

void LogShipper::flush() {
  now_ = {};
  for_each_bit(opened_, [this](std::size_t i) {
    LogSink& sink = *sinks_[i];
    if (!sink.batch.empty() || sink.untold > 0) flush(sink);
  });
}

void LogShipper::flush(LogSink& sink) {
  const LogSink::Outcome outcome = sink.flush();
  note_loss(sink, outcome.lost);
  if (outcome.taken && sink.well_since == kNever) sink.well_since = steady_now();
  if (sink.untold > 0) tell_of_loss(sink);
  sink.flush_at = sink.batch.size() + kFlushBytes;
}

void LogShipper::note_loss(LogSink& sink, std::uint64_t lines) {
  if (lines == 0) return;
  dropped_.fetch_add(lines, std::memory_order_relaxed);
  sink.untold += lines;
  sink.well_since = kNever;
}

/// Says at the target itself what it missed, once it has taken lines for a while.
void LogShipper::tell_of_loss(LogSink& sink) {
  if (sink.well_since == kNever || steady_now() - sink.well_since < kCalm) return;
  const std::string text =
      fmt::format("{} log line{} could not be delivered to {}", sink.untold,
                  sink.untold == 1 ? "" : "s", sink.target.name());
  char* at = sink.form.begin(sink.batch.room(sink.form.overhead() + text.size()),
                             Severity::Warning, now());
  at = put_cleaned(at, text);
  sink.batch.commit(sink.form.finish(sink.batch.room(0), at));
  const std::uint64_t told = std::exchange(sink.untold, 0);
  note_loss(sink, sink.flush().lost);
  // It is gone again, and the notice with it: what it told of is still untold.
  if (sink.untold > 0) sink.untold += told;
}

void LogShipper::finish() {
  for_each_bit(opened_,
               [this](std::size_t i) { note_loss(*sinks_[i], sinks_[i]->finish()); });
}

}  // namespace hapair
