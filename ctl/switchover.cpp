#include "ctl/switchover.h"

#include <algorithm>
#include <cctype>
#include <thread>

#include "common/text.h"
#include "ctl/control_client.h"

namespace hapair::ctl {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 3s;  // for one answer
constexpr Duration kBetweenLooks = 50ms;
constexpr std::string_view kAskedBegin = ": asked ", kAskedEnd = " to take over";

/// The text behind "    NAME   "; empty: there is no such line.
std::string_view line_of(std::span<const std::string_view> lines, std::string_view name) {
  const std::string head = fmt::format("    {:<10} ", name);
  for (const std::string_view line : lines)
    if (line.starts_with(head)) return line.substr(head.size());
  return {};
}

}  // namespace

Asked read_asked(std::string_view answer) {
  Asked out;
  for (const std::string_view line : split(answer, '\n')) {
    const auto begin = line.rfind(kAskedBegin);
    if (begin != line.npos && line.ends_with(kAskedEnd)) {
      const auto other = begin + kAskedBegin.size();
      out.instances.emplace_back(line.substr(0, begin));
      out.other = line.substr(other, line.size() - kAskedEnd.size() - other);
    } else if (!line.empty()) {
      out.refusals += fmt::format("{}\n", line);
    }
  }
  return out;
}

std::optional<Role> read_role(std::string_view answer, std::string_view instance) {
  const auto lines = split(answer, '\n');
  const std::string head = fmt::format("{} is ", instance);
  if (!lines.front().starts_with(head)) return std::nullopt;
  const std::string_view master = line_of(lines, "master");
  const auto address = master.find(" (");
  return Role{.is_master = lines.front().substr(head.size()).starts_with("MASTER"),
              .master = std::string(address == master.npos ? "" : master.substr(0, address)),
              .handover = std::string(line_of(lines, "handover"))};
}

Result<Switchover> switch_over(const std::string& socket, std::string_view instance,
                               Duration limit) {
  if (instance.find('\n') != instance.npos)
    return fail(Errc::Syntax, "no instance has a line feed in its name");
  const auto answer = ask_daemon(
      socket, instance.empty() ? "switchover" : fmt::format("switchover {}", quoted(instance)),
      kPatience);
  if (!answer) return tl::make_unexpected(answer.error());
  const TimePoint asked_at = steady_now();
  const Asked asked = read_asked(*answer);
  Switchover out{.text = asked.refusals,
                 .is_done = asked.refusals.empty() && !asked.instances.empty()};
  for (const std::string& name : asked.instances) {
    for (;;) {
      const auto told =
          ask_daemon(socket, fmt::format("show instance {}", quoted(name)), kPatience);
      if (!told) return tl::make_unexpected(told.error());
      const auto role = read_role(*told, name);
      if (!role) return fail(Errc::Unsupported, "{} does not tell its role any more", name);
      const std::string how = role->handover.empty() ? "" : fmt::format(" ({})", role->handover);
      const Duration passed = steady_now() - asked_at;
      if (!role->is_master && role->master == asked.other) {
        out.text += fmt::format("{}: {} is master now, after {:.1f} s{}\n", name, asked.other,
                                std::chrono::duration<double>(passed).count(), how);
        break;
      }
      if (passed >= limit) {
        out.text += fmt::format(
            "{}: {} did not become master within {}; {}{}\n", name, asked.other,
            format_duration(limit),
            role->is_master ? "it is still master here" : "it is not master here any more", how);
        out.is_done = false;
        break;
      }
      std::this_thread::sleep_for(kBetweenLooks);
    }
  }
  return out;
}

}  // namespace hapair::ctl
