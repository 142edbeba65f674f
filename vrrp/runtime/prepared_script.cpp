#include "vrrp/runtime/prepared_script.h"

#include <algorithm>
#include <utility>

#include "vrrp/runtime/script_safety.h"
#include "vrrp/runtime/script_user.h"

namespace hapair::vrrp {
namespace {

bool is_tracked(const Config& config, const Script& script) {
  return std::ranges::any_of(config.instances, [&](const Instance& instance) {
    return std::ranges::any_of(instance.tracked, [&](const Tracking& tracking) {
      return tracking.kind == TrackerKind::Script && tracking.name == script.name;
    });
  });
}

Result<PreparedScript> prepare(Script script, const std::string& wanted,
                               std::vector<std::string>& warnings) {
  const auto user = find_script_user(wanted);
  if (!user) return tl::make_unexpected(user.error());
  auto program = find_program(script.command.front());
  if (!program) return tl::make_unexpected(program.error());
  if (auto safe = check_script_safety(*program, *user); !safe)
    return tl::make_unexpected(safe.error());
  if (!user->refused.empty())
    warnings.push_back(fmt::format(
        "script {} runs as {}: the daemon may not become {} (CAP_SETUID, CAP_SETGID, CAP_KILL)",
        script.name, user->name, user->refused));
  script.command.front() = *std::move(program);
  script.weight = 0;
  return PreparedScript{.script = std::move(script), .credentials = user->change()};
}

}  // namespace

Result<PreparedScripts> prepare_scripts(const Config& config, std::vector<std::string>& warnings) {
  PreparedScripts out;
  for (const Script& script : config.scripts) {
    if (!is_tracked(config, script)) continue;
    auto prepared =
        prepare(script, script.user.empty() ? config.script_user : script.user, warnings);
    if (!prepared)
      return fail(prepared.error().code, "vrrp.script.{}: {}", script.name,
                  prepared.error().message);
    out.emplace(script.name, *std::move(prepared));
  }
  return out;
}

}  // namespace hapair::vrrp
