#include "vrrp/runtime/proxy_tracker.h"

#include <fmt/ranges.h>

#include <utility>

namespace hapair::vrrp {

ProxyTracker::ProxyTracker(Loop& loop, Logger& log, Settings settings, OnReading on_reading)
    : settings_(std::move(settings)),
      name_(settings_.backends.empty() ? "proxy" : fmt::format("{}", fmt::join(settings_.backends, ", "))),
      log_(log),
      on_reading_(std::move(on_reading)),
      link_(loop, settings_.path, {.backends = settings_.backends}, [this] { on_change(); }) {}

Reading ProxyTracker::reading() const {
  const ProxyWatch& watch = link_.watch();
  return Reading::of(settings_.backends.empty() ? watch.verdict() : watch.served());
}

std::string ProxyTracker::standing() const {
  const std::string trouble = link_.watch().trouble();
  return trouble.empty() ? "the proxy serves" : trouble;
}

void ProxyTracker::on_change() {
  // What is wrong with the proxy itself is told by the tracker that minds it.
  const bool mine = settings_.backends.empty() || link_.watch().verdict() == Verdict::Good;
  if (mine) {
    const bool good = reading().level != 0;
    log_.log(good ? Severity::Notice : Severity::Warning, "Tracking: {}", standing());
  }
  on_reading_();
}

}  // namespace hapair::vrrp
