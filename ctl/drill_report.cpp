#include "ctl/drill_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/json.h"

namespace hapair::ctl {
namespace {

using namespace std::chrono_literals;
using vrrp::drill::Kind;

double milliseconds(Duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

/// "12 ms", "3.2 s".
std::string span(Duration length) {
  return length < 10s ? fmt::format("{:.0f} ms", milliseconds(length))
                      : fmt::format("{:.1f} s", std::chrono::duration<double>(length).count());
}

void member(JsonWriter& json, std::string_view key, const std::optional<Duration>& length) {
  json.key(key);
  if (length)
    json.value(milliseconds(*length));
  else
    json.null();
}

}  // namespace

Duration usual_limit(Kind kind) {
  switch (kind) {
    case Kind::Switchover: return 50ms;
    case Kind::Failover:
    case Kind::StopVrrp: return 80ms;
    case Kind::KillProxy:
    case Kind::KillVrrp: return 150ms;
    case Kind::LinkDown: return 400ms;  // 3.6 adverts, of which the last was just heard at worst
    case Kind::HangProxy: return 600ms;
  }
  return {};
}

std::vector<std::string> DrillReport::failures() const {
  std::vector<std::string> out;
  if (!taken_over) out.push_back(fmt::format("{} did not take over", node));
  if (longest_gap > limit)
    out.push_back(fmt::format("the longest gap was {}, above its limit of {}", span(longest_gap),
                              span(limit)));
  if (!settled)
    out.push_back(fmt::format("the pair did not settle: look at hapair status on {}", other));
  return out;
}

void take_events(DrillReport& report, const vrrp::DrillOutlook& outlook, WallTime asked) {
  report.events.clear();
  const auto from = std::chrono::floor<std::chrono::milliseconds>(asked);
  const auto after = [&](WallTime at) { return std::max(at - asked, Duration::zero()); };
  for (const auto& event : outlook.own) {
    if (event.at < from) continue;
    report.events.push_back({outlook.node, after(event.at), event.text});
    if (event.to == vrrp::State::Master && !report.taken_over) report.taken_over = after(event.at);
  }
  for (const auto& event : outlook.theirs)
    if (event.at >= from) report.events.push_back({outlook.other, after(event.at), event.text});
  std::ranges::stable_sort(report.events, {}, &DrillReport::Event::after);
  if (!report.events.empty()) report.detected = report.events.front().after;
}

std::string drill_text(const DrillReport& report) {
  const auto failures = report.failures();
  std::string out = fmt::format("drill {} of {}, seen from {}: {}\n", report.drill, report.instance,
                                report.node, failures.empty() ? "passed" : "FAILED");
  const auto line = [&out](std::string_view name, std::string_view text) {
    fmt::format_to(std::back_inserter(out), "    {:<11} {}\n", name, text);
  };
  for (const std::string& failure : failures) line("failure", failure);
  line("detected", report.detected
                       ? fmt::format("{} after it was asked for", span(*report.detected))
                       : "nothing changed");
  line("taken over", report.taken_over
                         ? fmt::format("{} after it was asked for", span(*report.taken_over))
                         : "no");
  line("gap", fmt::format("{} without a good answer at the longest, limit {}",
                          span(report.longest_gap), span(report.limit)));
  line("lost", fmt::format("{} of {} {} {}", report.lost, report.tries,
                           report.only_connects ? "connections to" : "requests of", report.probe));
  if (report.longest_pause > 4 * std::chrono::milliseconds(5))
    line("probe",
         fmt::format("paused for {} itself: this machine was busy", span(report.longest_pause)));
  if (report.only_connects && report.drill == "hang-proxy")
    line("probe",
         "only connected, which a hung proxy's kernel accepts: ask for an answer with --probe "
         "http://…");
  line("two masters", "not measured from here");
  line("settled",
       report.settled ? fmt::format("{} after it was asked for", span(*report.settled)) : "no");
  for (const DrillReport::Event& event : report.events)
    fmt::format_to(std::back_inserter(out), "    {:>8} {}: {}\n",
                   fmt::format("+{:.0f} ms", milliseconds(event.after)), event.node, event.text);
  return out;
}

std::string drill_json(const DrillReport& report) {
  const auto failures = report.failures();
  JsonWriter json;
  json.open_object()
      .member("drill", report.drill)
      .member("instance", report.instance)
      .member("node", report.node)
      .member("other", report.other)
      .member("probe", report.probe)
      .member("passed", failures.empty());
  json.key("failures").open_array();
  for (const std::string& failure : failures) json.value(failure);
  json.close_array();
  member(json, "detected_ms", report.detected);
  member(json, "taken_over_ms", report.taken_over);
  member(json, "longest_gap_ms", report.longest_gap);
  member(json, "limit_ms", report.limit);
  json.member("tries", report.tries).member("lost", report.lost);
  member(json, "probe_pause_ms", report.longest_pause);
  member(json, "two_masters_ms", std::nullopt);
  member(json, "settled_ms", report.settled);
  json.key("events").open_array();
  for (const DrillReport::Event& event : report.events)
    json.open_object()
        .member("node", event.node)
        .member("after_ms", milliseconds(event.after))
        .member("text", event.text)
        .close_object();
  json.close_array().close_object();
  return json.take() + "\n";
}

std::string drill_line(const DrillReport& report) {
  return fmt::format("{}: {}, longest gap {} of {}, {} of {} lost{}", report.drill,
                     report.taken_over ? fmt::format("{} took over after {}", report.node,
                                                     span(*report.taken_over))
                                       : fmt::format("{} did not take over", report.node),
                     span(report.longest_gap), span(report.limit), report.lost, report.tries,
                     report.settled ? "" : ", and the pair did not settle");
}

std::string drill_list() {
  std::string out = "Which drill? On the backup node, hapair drill NAME:\n";
  for (const auto& one : vrrp::drill::descriptions())
    fmt::format_to(std::back_inserter(out), "    {:<11} {} (gap up to {} ms)\n", one.name, one.what,
                   to_milliseconds(usual_limit(one.kind)));
  return out;
}

}  // namespace hapair::ctl
