// The supervisor's part in the replacement of the program: what the next one gets, and how it goes
// on.
#include <algorithm>

#include "vrrp/config/reload_plan.h"
#include "vrrp/runtime/supervisor.h"

namespace hapair::vrrp {

Succession Supervisor::succession() const {
  Succession out{.guardian = -1, .routers = {}, .found = trackers_.found()};
  for (const auto& port : ports_) {
    const VirtualRouter& router = port->router();
    if (router.started())
      out.routers.push_back({.instance = router.config().name,
                             .election = router.election().memory(),
                             .codec = router.codec().memory()});
  }
  return out;
}

std::string Supervisor::why_not_succeeded() const {
  if (leaving_ || on_drained_ || (pair_ && !pair_->is_quiet()))
    return "a handover is under way, try again when it is over";
  if (!drills_.is_quiet()) return "a drill is under way, try again when it is over";
  for (const Instance& instance : config_.instances) {
    const auto not_built = [&](std::string_view key) {
      return fmt::format("not built yet for an instance with {} ({}): restart instead", key,
                         instance.name);
    };
    // The next program would make the interface anew, without its addresses.
    if (instance.virtual_mac) return not_built("virtual_mac");
    // Between the two programs everybody could speak to them.
    if (instance.is_closed()) return not_built("accept = false");
  }
  return {};
}

Result<void> Supervisor::may_be_succeeded_with(const Task& task) const {
  auto plan = plan_reload(config_, task.config, task.keys != keys_);
  if (!plan) return tl::make_unexpected(plan.error());
  if (!plan->fixed.empty())
    return fail(Errc::Unsupported, "{} is not what this process was started with: restart instead",
                plan->fixed.front());
  // What one process does not undo would be unknown to the next.
  for (const ReloadPlan::Step& step : plan->steps)
    if (step.fate != ReloadPlan::Fate::Kept)
      return fail(Errc::Unsupported,
                  "the configuration is not the one in force (instance {}): reload it first",
                  step.instance);
  return {};
}

void Supervisor::resume(const Succession& succession) {
  loop_.refresh();
  trackers_.resume(succession.found);
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    look_at_link(i);
    const auto standing = trackers_.standing_of(ports_[i]->router().config());
    ports_[i]->on_tracked(standing.tracked, standing.trouble);
  }
  groups_.change(config_.sync_groups, loop_.now());
  untold_.clear();  // the priority is the one that it was
  for (const Succession::Router& before : succession.routers) {
    VirtualRouter* const router = find_router(before.instance);
    if (!router) continue;
    router->codec().resume(before.codec);
    const auto port = std::ranges::find_if(
        ports_, [&](const auto& candidate) { return &candidate->router() == router; });
    (*port)->resume(before.election);
  }
  for (const auto& port : ports_)
    if (!port->router().started())
      port->start_by(loop_.now() + port->router().config().advert_interval);
  // A member may have been about to follow the others.
  groups_.change(config_.sync_groups, loop_.now());
  group_timer_.arm(loop_.now());
  publish();
  on_reading();
}

}  // namespace hapair::vrrp
