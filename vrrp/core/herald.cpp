#include "vrrp/core/herald.h"

#include <algorithm>
#include <optional>

namespace hapair::vrrp {
namespace {

using Event = Notice::Event;

std::optional<Event> event_of(State state) {
  switch (state) {
    case State::Initialize: return Event::Stop;
    case State::Backup: return Event::Backup;
    case State::Claiming: return std::nullopt;
    case State::Master: return Event::Master;
    case State::Fault: return Event::Fault;
  }
  return std::nullopt;
}

/// Whether that is news.
bool note(std::map<std::string, Event>& told, const std::string& name, Event event) {
  const auto [known, fresh] = told.try_emplace(name, event);
  return fresh || std::exchange(known->second, event) != event;
}

}  // namespace

std::vector<Notice> Herald::on_transition(const Transition& transition) {
  const auto event = event_of(transition.to);
  if (!event || !note(instance_told_, transition.instance, *event)) return {};
  std::vector<Notice> out{
      {Notice::Subject::Instance, transition.instance, *event, transition.priority}};
  for (const Group& group : groups_) {
    if (std::ranges::find(group.instances, transition.instance) == group.instances.end()) continue;
    if (agree(group, *event) && note(group_told_, group.name, *event))
      out.push_back({Notice::Subject::Group, group.name, *event, 0});
  }
  return out;
}

bool Herald::agree(const Group& group, Event event) const {
  return std::ranges::all_of(group.instances, [&](const std::string& instance) {
    const auto told = instance_told_.find(instance);
    return told != instance_told_.end() && told->second == event;
  });
}

std::vector<Notice> Herald::on_remark(const Remark& remark) const {
  const bool master = remark.state == State::Master;
  std::optional<Event> event;
  if (remark.kind == Remark::Kind::Priority && remark.state == State::Backup)
    event = Event::BackupPriority;
  else if (master)
    event = remark.kind == Remark::Kind::Priority ? Event::MasterPriority : Event::LowerHeard;
  if (!event) return {};
  return {{Notice::Subject::Instance, remark.instance, *event, remark.priority}};
}

}  // namespace hapair::vrrp
