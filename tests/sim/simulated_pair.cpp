#include "tests/sim/simulated_pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "vrrp/core/advert.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr Duration kInterval = 100ms;   // of adverts, of messages, of beats
constexpr Duration kPatience = 1s;      // of the channel
constexpr Duration kInstalling = 20ms;  // the kernel's, for its packet filter
constexpr Duration kDrainLimit = 10s;
constexpr int kConnections = 20;

IpAddress address_of(int number) {
  return IpAddress::v4(0xC0A8320B + static_cast<std::uint32_t>(number));
}

KeyRing keys() {
  return KeyRing{{{.id = 1, .secret = std::string(32, 'k')}}};
}

}  // namespace

SimulatedPair::SimulatedPair(std::uint64_t seed, const Conditions& conditions)
    : conditions_(conditions), random_(seed) {
  for (int number : {0, 1}) nodes_[static_cast<std::size_t>(number)].number = number;
  for (int number : {0, 1}) boot(number);
}

void SimulatedPair::log(const Node& node, std::string_view text) const {
  if (std::getenv("SIM_SEED"))
    fmt::print("{:9.4f} s, hap{}: {}\n", std::chrono::duration<double>(now_ - begin_).count(),
               node.number + 1, text);
}

// ---- time

void SimulatedPair::later(Duration delay, std::function<void()> act) {
  events_.push({now_ + delay, ++order_, std::move(act)});
}

void SimulatedPair::carry(bool passes, const std::function<void()>& deliver) {
  const auto chance = [&](double share) {
    return static_cast<double>(random(1'000'000)) < share * 1e6;
  };
  for (int copies = chance(conditions_.duplication) ? 2 : 1; copies > 0; --copies) {
    if (!passes || chance(conditions_.loss)) continue;
    const auto longest = static_cast<std::uint64_t>(conditions_.longest_delay.count());
    later(50us + Duration(static_cast<Duration::rep>(random(longest))), deliver);
  }
}

TimePoint SimulatedPair::deadline(const Node& node) const {
  if (!node.running) return kNever;
  return std::min({node.fsm->deadline(), node.giver->deadline(), node.taker->deadline(),
                   node.watch->deadline(), node.session->deadline(now_), node.say_at,
                   node.installed_at, node.beat_at});
}

void SimulatedPair::run_for(Duration span) {
  const TimePoint end = now_ + span;
  for (;;) {
    TimePoint next = events_.empty() ? kNever : events_.top().at;
    Node* due = nullptr;
    for (Node& node : nodes_)
      if (deadline(node) < next) {
        next = deadline(node);
        due = &node;
      }
    if (next > end) break;
    now_ = std::max(now_, next);
    if (due) {
      on_due(*due);
    } else {
      const auto act = events_.top().act;
      events_.pop();
      act();
    }
    measure();
  }
  now_ = end;
  measure();
}

void SimulatedPair::on_due(Node& node) {
  if (node.heard && !node.session->is_alive(now_)) {
    log(node, "the other is not heard any more");
    node.heard.reset();
    node.fsm->set_courteous(false);
    node.guard->on_silence();
    node.fsm->set_peer_priority(std::nullopt);
    run(node, node.giver->on_silence());
    run(node, node.taker->on_silence());
  }
  if (node.beat_at <= now_) {
    node.beat_at = now_ + kInterval;
    if (node.proxy_runs && node.proxy_beats)
      node.watch->on_message({.state = HealthMessage::State::Serving, .interval = kInterval}, now_);
  }
  node.watch->on_deadline(now_);
  judge_proxy(node);
  if (node.installed_at <= now_) {
    node.installed_at = kNever;
    node.forwards = true;
    run(node, node.taker->on_installed(true, "", now_));
  }
  run(node, node.giver->on_deadline(now_));
  run(node, node.taker->on_deadline(now_));
  run(node, node.fsm->on_deadline(now_));
  if (node.say_at <= now_) say(node);
}

void SimulatedPair::measure() {
  const int holders = nodes_[0].holds + nodes_[1].holds;
  const auto follow = [this](bool is_so, TimePoint& since, Duration& longest) {
    if (is_so)
      since = std::min(since, now_);
    else if (since != kNever)
      longest = std::max(longest, now_ - std::exchange(since, kNever));
    if (since != kNever) longest = std::max(longest, now_ - since);
  };
  follow(holders == 2, two_since_, counts_.two_masters);
  follow(holders == 0, none_since_, counts_.no_master);
}

void SimulatedPair::forget() {
  counts_ = {};
  two_since_ = none_since_ = kNever;
  measure();
}

// ---- nodes

int SimulatedPair::master() const {
  if (nodes_[0].holds == nodes_[1].holds) return -1;
  return nodes_[0].holds ? 0 : 1;
}

bool SimulatedPair::is_running(int node) const {
  return nodes_[static_cast<std::size_t>(node)].running;
}

bool SimulatedPair::has_leftovers(int node) const {
  const Node& it = nodes_[static_cast<std::size_t>(node)];
  return it.loopback || it.forwards;
}

void SimulatedPair::boot(int number) {
  Node& node = nodes_[static_cast<std::size_t>(number)];
  if (node.running) return;
  log(node, "boots");
  node.running = node.proxy_beats = node.proxy_runs = true;
  node.booted = now_;
  node.fsm = std::make_unique<InstanceFsm>(
      InstanceFsm::Settings{.source = address_of(number),
                            .priority = static_cast<std::uint8_t>(103 - 2 * number),
                            .interval = kInterval,
                            .version = Version::V3,
                            .peer_priority = static_cast<std::uint8_t>(101 + 2 * number),
                            .only_peer = true});
  const handover::Settings settings{.drain_limit = kDrainLimit, .cannot = {}};
  node.giver = std::make_unique<HandoverGiver>(settings);
  node.taker = std::make_unique<HandoverTaker>(settings);
  node.guard = std::make_unique<PeerGuard>();
  Epoch epoch{};
  for (auto& byte : epoch) byte = static_cast<std::uint8_t>(random(256));
  node.session = std::make_unique<PairSession>(
      PairSession::Settings{.epoch = epoch, .patience = kPatience}, keys());
  node.watch = std::make_unique<ProxyWatch>(ProxyWatch::Settings{});
  node.heard.reset();
  node.say_at = now_;
  node.beat_at = now_ + 50ms;
  node.watch->on_connected(now_);
  run(node, node.fsm->on_usable(false, now_));
  run(node, node.fsm->on_start(now_));
}

/// What the guardian removes, and the kernel with the host.
void SimulatedPair::clear(Node& node) {
  if (node.holds || node.loopback) counts_.broken += node.connections;
  node.connections = 0;
  node.running = node.holds = node.loopback = node.forwards = false;
  node.installed_at = kNever;
}

void SimulatedPair::kill(int number) {
  Node& node = nodes_[static_cast<std::size_t>(number)];
  if (!node.running) return;
  log(node, "is killed, its guardian acts");
  if (node.fsm->state() == State::Master) run(node, {SendAdvert{kResign}});
  clear(node);
}

void SimulatedPair::power_off(int number) {
  Node& node = nodes_[static_cast<std::size_t>(number)];
  log(node, "is off");
  clear(node);
}

void SimulatedPair::judge_proxy(Node& node) {
  const bool usable = node.watch->verdict() == Verdict::Good;
  run(node, node.fsm->on_usable(usable, now_));
}

void SimulatedPair::kill_proxy(int number) {
  Node& node = nodes_[static_cast<std::size_t>(number)];
  node.proxy_runs = false;
  node.connections = 0;
  if (!node.running) return;
  log(node, "its proxy is killed");
  node.watch->on_disconnected();
  judge_proxy(node);
}

void SimulatedPair::hang_proxy(int number) {
  log(nodes_[static_cast<std::size_t>(number)], "its proxy hangs");
  nodes_[static_cast<std::size_t>(number)].proxy_beats = false;
}

void SimulatedPair::mend_proxy(int number) {
  Node& node = nodes_[static_cast<std::size_t>(number)];
  node.proxy_beats = true;
  if (!node.proxy_runs && node.running) node.watch->on_connected(now_);
  node.proxy_runs = true;
}

void SimulatedPair::switch_over() {
  const int number = master();
  if (number < 0) return;
  Node& node = nodes_[static_cast<std::size_t>(number)];
  const auto& report = node.guard->report();
  if (!node.running || node.fsm->state() != State::Master || !node.heard || !report || !report->fit)
    return;
  log(node, "is asked to hand over");
  run(node, node.giver->give(++id_, now_));
}

// ---- what the cores ask

void SimulatedPair::run(Node& node, const Effects& effects) {
  for (const Effect& effect : effects) {
    if (const auto* advert = std::get_if<SendAdvert>(&effect)) {
      carry(conditions_.adverts_pass, [this, from = node.number, priority = advert->priority] {
        Node& there = nodes_[static_cast<std::size_t>(1 - from)];
        if (!there.running) return;
        there.guard->on_advert(priority, now_);
        run(there, there.fsm->on_advert(address_of(from), priority, now_, kInterval));
      });
    } else if (std::holds_alternative<AddAddresses>(effect)) {
      node.holds = true;
      node.connections = kConnections;
    } else if (std::holds_alternative<RemoveAddresses>(effect)) {
      // Held on the loopback they go on.
      if (node.holds && !node.loopback) counts_.broken += std::exchange(node.connections, 0);
      node.holds = false;
    } else if (std::holds_alternative<AskForHandover>(effect)) {
      run(node, node.taker->want(now_));
    } else if (const auto* became = std::get_if<Became>(&effect)) {
      log(node, to_string(became->state));
      run(node, node.giver->on_state(node.fsm->state(), now_));
      run(node, node.taker->on_state(node.fsm->state(), now_));
      node.say_at = now_;
    }
  }
}

void SimulatedPair::run(Node& node, const handover::Orders& orders) {
  for (const handover::Order& order : orders) {
    if (std::holds_alternative<handover::HoldOnLoopback>(order)) {
      node.loopback = true;
    } else if (std::holds_alternative<handover::ReleaseLoopback>(order)) {
      node.loopback = false;
      if (!node.holds) counts_.broken += std::exchange(node.connections, 0);
    } else if (std::holds_alternative<handover::Give>(order)) {
      say(node);
      run(node, node.fsm->yield(Cause::Kind::Handover, now_));
    } else if (std::holds_alternative<handover::Take>(order)) {
      run(node, node.fsm->on_handover(now_));
    } else if (std::holds_alternative<handover::InstallForwarding>(order)) {
      node.installed_at = now_ + kInstalling;
    } else if (std::holds_alternative<handover::RemoveForwarding>(order)) {
      node.forwards = false;
      node.installed_at = kNever;
    } else if (std::holds_alternative<handover::Count>(order)) {
      // One ends now and then.
      if (node.connections > 0 && random(2) == 0) {
        const int ended = std::min(node.connections, 1 + static_cast<int>(random(6)));
        node.connections -= ended;
        counts_.kept += ended;
      }
      run(node, node.giver->on_connections(static_cast<std::uint64_t>(node.connections), now_));
    } else if (const auto* told = std::get_if<handover::Told>(&order)) {
      log(node, told->text);
    }
  }
  if (!orders.empty()) node.say_at = now_;
}

// ---- the channel

PairMessage SimulatedPair::compose(const Node& node) const {
  PairMessage out;
  out.node = fmt::format("hap{}", node.number + 1);
  out.uptime = now_ - node.booted;
  const bool gives =
      node.fsm->state() == State::Master && node.giver->step() == HandoverGiver::Step::Draining;
  out.instances.push_back(
      {.name = "VI_1",
       .state = std::string(to_string(gives ? State::Backup : node.fsm->state())),
       .priority = node.fsm->priority(),
       .fit = node.watch->verdict() == Verdict::Good});
  for (const handover::Word& word : {node.giver->word(), node.taker->word()})
    if (!word.word.empty())
      out.handovers.push_back({.step = std::string(word.word),
                               .instance = "VI_1",
                               .id = word.id,
                               .detail = word.detail});
  return out;
}

void SimulatedPair::say(Node& node) {
  node.say_at = now_ + kInterval;
  const Bytes datagram = node.session->say(encode(compose(node)));
  carry(conditions_.channel_passes, [this, to = 1 - node.number, datagram] {
    Node& there = nodes_[static_cast<std::size_t>(to)];
    if (there.running) hear(there, datagram);
  });
}

void SimulatedPair::hear(Node& node, const Bytes& datagram) {
  const PairSession::Heard heard = node.session->on_datagram(datagram, now_);
  if (heard.answer)
    carry(conditions_.channel_passes, [this, to = 1 - node.number, answer = *heard.answer] {
      Node& there = nodes_[static_cast<std::size_t>(to)];
      if (there.running) hear(there, answer);
    });
  if (heard.kind != PairSession::Heard::Kind::Message) return;
  if (const auto message = decode_pair_message(heard.payload)) hear(node, *message);
}

void SimulatedPair::hear(Node& node, const PairMessage& message) {
  if (node.heard && message.uptime < node.heard->uptime) {
    run(node, node.giver->on_silence());
    run(node, node.taker->on_silence());
  }
  node.heard = message;
  for (const PairMessage::Handover& word : message.handovers) on_word(node, word);
  const PairMessage::Instance& theirs = message.instances.front();
  const PeerGuard::Report report{.state = *parse_state(theirs.state),
                                 .priority = static_cast<std::uint8_t>(theirs.priority),
                                 .fit = theirs.fit};
  node.fsm->set_courteous(report.state == State::Master);
  if (const auto priority = node.guard->on_report(report, node.fsm->state(), now_))
    run(node, node.fsm->on_advert(address_of(1 - node.number), *priority, now_, kInterval));
  node.fsm->set_peer_priority(node.guard->priority());
  if (!report.fit) run(node, node.giver->on_unfit(report.state, node.fsm->state()));
}

void SimulatedPair::on_word(Node& node, const PairMessage::Handover& word) {
  const State state = node.fsm->state();
  if (word.step == "offer") run(node, node.taker->on_offer(word.id, state, now_));
  if (word.step == "ready") run(node, node.giver->on_ready(word.id, now_));
  if (word.step == "refuse") run(node, node.giver->on_refusal(word.id, word.detail, now_));
  if (word.step == "go") run(node, node.taker->on_go(word.id, now_));
  if (word.step == "done") run(node, node.taker->on_done(word.id));
  if (word.step == "want" && state == State::Master) run(node, node.giver->give(++id_, now_));
}

}  // namespace hapair::vrrp
