#include "proxy/runtime/agent_watch.h"

#include <algorithm>
#include <utility>

namespace hapair::proxy {

AgentWatch::AgentWatch(Loop& loop, Target target, TimePoint first, std::atomic<bool>& asking,
                       OnReply on_reply)
    : loop_(loop),
      target_(std::move(target)),
      asking_(asking),
      on_reply_(std::move(on_reply)),
      timer_(loop, [this] { ask(); }),
      prober_(loop,
              [this] {
                auto probe = std::make_unique<health::AgentProbe>(target_.agent.send);
                probe_ = probe.get();
                return probe;
              }(),
              [this](const health::ProbeResult& result, bool) { on_done(result); }) {
  timer_.arm(first);
}

void AgentWatch::ask() {
  asking_ = true;
  const Duration timeout = target_.agent.timeout;
  prober_.start(target_.address, target_.approach, {},
                timeout > Duration::zero() ? timeout : target_.agent.interval);
}

void AgentWatch::on_done(const health::ProbeResult& result) {
  asking_ = false;
  timer_.arm(std::max(loop_.now(), loop_.now() - result.duration + target_.agent.interval));
  using health::ProbeStatus;
  const bool answered = result.status == ProbeStatus::L7Ok || result.status == ProbeStatus::L7Status ||
                        result.status == ProbeStatus::NoChange;
  const auto& reply = probe_->reply();
  on_reply_(result, answered && reply ? &*reply : nullptr);
}

}  // namespace hapair::proxy
