#include "vrrp/admin/status_report.h"

namespace hapair::vrrp {
namespace {

/// Nothing: it does what it should.
std::optional<std::string> trouble_of(const InstanceReport& instance) {
  switch (instance.state) {
    case State::Master: return std::nullopt;
    case State::Backup:
      if (instance.master) return std::nullopt;
      return fmt::format("{} is BACKUP and hears no master", instance.name);
    case State::Claiming: return fmt::format("{} is about to become master", instance.name);
    case State::Fault:
      return fmt::format("{} is FAULT: {}", instance.name,
                         instance.trouble.empty() ? instance.why : instance.trouble);
    case State::Initialize: break;
  }
  return fmt::format("{} takes no part in the election", instance.name);
}

}  // namespace

std::vector<std::string> troubles(const StatusReport& report) {
  std::vector<std::string> out;
  for (const InstanceReport& instance : report.instances)
    if (auto trouble = trouble_of(instance)) out.push_back(*std::move(trouble));
  if (report.wants_guardian && report.guardian_pid < 0)
    out.emplace_back("the guardian is not running");
  return out;
}

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::Good: return "good";
    case Verdict::Bad: return "bad";
    case Verdict::Unknown: break;
  }
  return "unknown";
}

}  // namespace hapair::vrrp
