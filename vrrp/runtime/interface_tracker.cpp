#include "vrrp/runtime/interface_tracker.h"

#include <utility>

namespace hapair::vrrp {

InterfaceTracker::InterfaceTracker(Loop& loop, Netlink& netlink, Logger& log, Settings settings,
                                   OnReading on_reading)
    : settings_(std::move(settings)),
      loop_(loop),
      netlink_(netlink),
      log_(log),
      on_reading_(std::move(on_reading)),
      debounce_(settings_.delays),
      timer_(loop, [this] {
        if (debounce_.on_deadline(loop_.now())) on_reading_();
      }) {
  const auto link = netlink_.link(settings_.name);
  // It may come later, and may be a slip of the pen.
  if (!link) log_.log(Severity::Warning, "track_interfaces: {}", link.error().message);
  look(link);
}

std::string InterfaceTracker::standing() const {
  if (debounce_.verdict() == Verdict::Good)
    return fmt::format("interface {} is up", settings_.name);
  return fmt::format("interface {} is {}", settings_.name, index_ != 0 ? "down" : "gone");
}

void InterfaceTracker::on_link_change(int index) {
  if (index != 0 && index_ != 0 && index != index_) return;
  if (index_ == 0 && index != 0) {
    // One that is not ours costs a question, and not the list of all that an error would name.
    const auto changed = netlink_.link(index);
    if (!changed || changed->name != settings_.name) return;
  }
  const Verdict before = debounce_.verdict();
  look(netlink_.link(settings_.name));
  if (debounce_.verdict() != before) on_reading_();
}

void InterfaceTracker::look(const Result<Link>& link) {
  index_ = link ? link->index : 0;
  const bool up = link && link->up;
  if (std::exchange(up_, up) != up)
    log_.log(Severity::Info, "Kernel is reporting: interface {} {}", settings_.name,
             up ? "UP" : "DOWN");
  debounce_.on_state(up, loop_.now());
  rearm();
}

}  // namespace hapair::vrrp
