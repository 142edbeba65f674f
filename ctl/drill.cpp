#include "ctl/drill.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>

#include "ctl/control_client.h"

namespace hapair::ctl {
namespace {

using namespace std::chrono_literals;
using vrrp::DrillOutlook;
namespace drill = vrrp::drill;

constexpr Duration kPatience = 3s;       // for one answer of the daemon
constexpr Duration kBefore = 300ms;      // good answers come first
constexpr Duration kLongestBefore = 3s;  // a busy machine may need another try for that
constexpr Duration kBetweenLooks = 20ms;
constexpr Duration kGoodFor = 1s;  // then it is over for visitors
constexpr Duration kLongestOutage = 15s;
constexpr Duration kSettling = 20s;  // after the hold

Result<DrillOutlook> look(const DrillOptions& options, const std::string& instance) {
  const auto answer = ask_daemon(
      options.socket,
      instance.empty() ? "show drill" : fmt::format("show drill {}", quoted(instance)), kPatience);
  if (!answer) return tl::make_unexpected(answer.error());
  auto outlook = vrrp::read_drill_outlook(*answer);
  if (outlook) return *std::move(outlook);
  if (answer->starts_with("Which instance?"))
    return fail(Errc::NotFound, "{}: name one with --instance",
                answer->substr(0, answer->find('.', 16)));
  if (answer->starts_with("No such instance"))
    return fail(Errc::NotFound, "there is no instance {}: hapair status names them", instance);
  return fail(Errc::Unsupported,
              "this is not how hapair-vrrp answers: is it another daemon's socket?");
}

/// Looks again and again until `enough` says so, or `deadline`.
Result<DrillOutlook> look_until(const DrillOptions& options, const std::string& instance,
                                TimePoint deadline,
                                const std::function<bool(const DrillOutlook&)>& enough) {
  for (;;) {
    auto outlook = look(options, instance);
    if (!outlook || enough(*outlook) || steady_now() >= deadline) return outlook;
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

Result<ProbeTarget> usual_target(const DrillOutlook& outlook) {
  const bool v6 = outlook.address.find(':') != outlook.address.npos;
  return ProbeTarget::parse(v6 ? fmt::format("[{}]:80", outlook.address) : outlook.address + ":80");
}

/// A probe that has been answered well so far; nullptr: none is.
std::unique_ptr<Probe> answered_probe(const ProbeTarget& target) {
  const TimePoint deadline = steady_now() + kLongestBefore;
  do {
    auto probe = std::make_unique<Probe>(target);
    std::this_thread::sleep_for(kBefore);
    if (probe->record().is_good_for(kBefore / 2, steady_now())) return probe;
  } while (steady_now() < deadline);
  return nullptr;
}

}  // namespace

Result<DrillReport> run_drill(const DrillOptions& options) {
  const drill::Description& what = drill::describe(*options.kind);
  const auto ready = look(options, options.instance);
  if (!ready) return tl::make_unexpected(ready.error());
  if (const std::string why = vrrp::why_no_drill(*ready); !why.empty())
    return fail(Errc::Unsupported, "the pair is not ready: {}", why);
  const auto target = options.probe ? Result<ProbeTarget>(*options.probe) : usual_target(*ready);
  if (!target) return tl::make_unexpected(target.error());

  DrillReport report{.drill = std::string(what.name),
                     .instance = ready->instance,
                     .node = ready->node,
                     .other = ready->other,
                     .probe = target->name,
                     .limit = options.limit.value_or(usual_limit(*options.kind)),
                     .only_connects = target->request.empty()};
  const std::unique_ptr<Probe> probe = answered_probe(*target);
  if (!probe)
    return fail(Errc::Unsupported,
                "the pair is not ready: {} does not answer well while nothing is broken; --probe "
                "names another place",
                target->name);

  const WallTime asked_at = wall_now();
  const TimePoint began = steady_now();
  const auto asked = ask_daemon(options.socket,
                                fmt::format("drill start {} {} {}", what.name,
                                            quoted(report.instance), to_milliseconds(options.hold)),
                                kPatience);
  if (!asked) return tl::make_unexpected(asked.error());
  if (*asked != "asked\n\n")
    return fail(Errc::Unsupported, "the pair is not ready: {}",
                asked->substr(0, asked->find('\n')));

  const auto outage =
      look_until(options, report.instance, began + kLongestOutage, [&](const DrillOutlook& now) {
        if (now.step == "refused") return true;
        if (!report.taken_over) take_events(report, now, asked_at);
        return report.taken_over && steady_now() - began >= *report.taken_over + kGoodFor &&
               probe->record().is_good_for(kGoodFor, steady_now());
      });
  if (!outage) return tl::make_unexpected(outage.error());
  if (outage->step == "refused")
    return fail(Errc::Unsupported, "{} refused: {}", report.other, outage->why);
  const TimePoint seen_until = steady_now();
  probe->stop();
  const ProbeRecord record = probe->record();
  report.longest_gap = record.longest_gap(seen_until);
  report.longest_pause = record.longest_pause();
  report.tries = record.tries();
  report.lost = record.lost();

  const auto hold = what.lasts ? options.hold : Duration::zero();
  const auto end =
      look_until(options, report.instance, std::max(began + hold, steady_now()) + kSettling,
                 [](const DrillOutlook& now) { return is_settled(now); });
  if (!end) return tl::make_unexpected(end.error());
  if (is_settled(*end)) report.settled = steady_now() - began;
  take_events(report, *end, asked_at);
  const auto kept = ask_daemon(
      options.socket,
      fmt::format("drill done {} {} {}", end->id, report.failures().empty() ? "passed" : "failed",
                  quoted(drill_line(report))),
      kPatience);
  if (!kept) return tl::make_unexpected(kept.error());
  if (*kept != "\n") return fail(Errc::Unsupported, "the result is not in the history: {}", *kept);
  return report;
}

}  // namespace hapair::ctl
