#include "vrrp/runtime/supervisor.h"

#include <sys/epoll.h>

#include <algorithm>

#include "vrrp/net/advert_socket.h"
#include "vrrp/net/announce_socket.h"
#include "vrrp/net/libnl_netlink.h"
#include "vrrp/runtime/drain.h"

namespace hapair::vrrp {
namespace {

/// The address adverts come from when the file gives none: the interface's first that is not
/// virtual (a crashed predecessor may have left one).
std::optional<IpAddress> primary_address(const std::vector<Cidr>& present,
                                         const Instance& instance) {
  for (const Cidr& candidate : present) {
    const auto same = [&](const Cidr& address) { return address.address == candidate.address; };
    if (std::ranges::none_of(instance.virtual_addresses, same)) return candidate.address;
  }
  return std::nullopt;
}

/// The interface whose network holds the instance's first virtual address. A virtual address that a
/// crashed predecessor left is no network, and says nothing.
Result<Link> link_of(Netlink& netlink, const Instance& instance) {
  if (instance.interface != "auto") return netlink.link(instance.interface);
  const IpAddress wanted = instance.virtual_addresses.front().address;
  const auto links = netlink.links();
  if (!links) return tl::make_unexpected(links.error());
  for (const Link& link : *links) {
    const auto present = netlink.addresses(link.index);
    if (!present) return tl::make_unexpected(present.error());
    for (const Cidr& own : *present)
      if (own.address != wanted && own.contains(wanted)) return link;
  }
  return fail(Errc::NotFound,
              "interface = \"auto\": no interface has a network with {}; name the interface, or "
              "give this host an address there",
              wanted.to_string());
}

}  // namespace

/// A virtual router with its sockets and its timer.
class Supervisor::Port final : public LinkPort, private Watcher {
 public:
  Port(Loop& loop, const Instance& instance, const IpAddress& source, std::string source_key,
       const Link& link, AdvertSocket adverts, AnnounceSocket announcements, Netlink& netlink,
       Logger& log)
      : loop_(loop),
        link_(link),
        adverts_(std::move(adverts)),
        announcements_(std::move(announcements)),
        router_(instance, source, link, {netlink, *this, log}, std::move(source_key)),
        timer_(loop, [this] { on_due(); }) {
    loop_.watch(adverts_.fd(), *this, EPOLLIN);
  }
  ~Port() override {
    loop_.cancel_resume(*this);
    loop_.forget(adverts_.fd(), *this);
  }

  Result<void> send_advert(ByteView packet) override { return adverts_.send(packet); }
  Result<void> send_frame(ByteView frame) override { return announcements_.send(frame); }

  VirtualRouter& router() { return router_; }
  const Link& link() const { return link_; }
  bool was_up = true;

  /// The election begins no later than this.
  void start_by(TimePoint latest) { timer_.arm(latest); }
  void start() {
    router_.start(loop_.now());
    rearm();
  }
  void on_tracked(std::span<const Tracked> tracked) {
    router_.on_tracked(tracked, loop_.now());
    if (router_.started()) rearm();
  }
  void on_link(bool up) {
    router_.on_link(up, loop_.now());
    if (router_.started()) rearm();
  }
  void shutdown() {
    router_.shutdown(loop_.now());
    timer_.disarm();
  }

 private:
  void on_ready(std::uint32_t) override {
    hear();
    if (router_.started()) rearm();
  }
  void hear() {
    const bool more = drain([this] { return adverts_.receive(buffer_); },
                            [this](ByteView packet) { router_.on_packet(packet, loop_.now()); });
    loop_.cancel_resume(*this);  // at most one: the timer and the socket both come here
    if (more) loop_.resume(*this, EPOLLIN);
  }
  void on_due() {
    if (!router_.started()) return start();
    // After a stall the timer is as late as the adverts in the queue: hear them first, so that a
    // master that never fell silent is not taken for dead.
    hear();
    router_.on_due(loop_.now());
    rearm();
  }
  void rearm() { timer_.arm(router_.deadline()); }

  Loop& loop_;
  const Link link_;
  AdvertSocket adverts_;
  AnnounceSocket announcements_;
  VirtualRouter router_;
  Timer timer_;
  std::array<std::uint8_t, 2048> buffer_{};
};

Supervisor::Supervisor(Loop& loop, const Config& config, Logger& log,
                       std::unique_ptr<Netlink> netlink)
    : config_(config), loop_(loop), log_(log), netlink_(std::move(netlink)) {
  netlink_->on_change([this](int index) { on_link_change(index); });
}

Supervisor::~Supervisor() = default;

Result<std::unique_ptr<Supervisor>> Supervisor::open(Loop& loop, const Config& config,
                                                     Logger& log) {
  auto netlink = LibnlNetlink::open(loop);
  if (!netlink) return tl::make_unexpected(netlink.error());
  std::unique_ptr<Supervisor> self(new Supervisor(loop, config, log, *std::move(netlink)));
  for (const Instance& instance : self->config_.instances) {
    if (auto opened = self->open_router(instance); !opened) {
      opened.error().message =
          fmt::format("instance {}: {}", instance.name, opened.error().message);
      return tl::make_unexpected(opened.error());
    }
  }
  return self;
}

Result<void> Supervisor::open_router(const Instance& instance) {
  const auto link = link_of(*netlink_, instance);
  if (!link) return tl::make_unexpected(link.error());
  const auto present = netlink_->addresses(link->index);
  if (!present) return tl::make_unexpected(present.error());
  const auto source = config_.source ? config_.source : primary_address(*present, instance);
  if (!source)
    return fail(Errc::NotFound, "{} has no IPv4 address to send from, and [node.{}] gives none",
                link->name, config_.node);
  std::string source_key;
  if (config_.source) source_key = fmt::format(" ([node.{}] address)", config_.node);
  auto adverts = AdvertSocket::open(link->name, link->index);
  if (!adverts) return tl::make_unexpected(adverts.error());
  auto announcements = AnnounceSocket::open(link->index);
  if (!announcements) return tl::make_unexpected(announcements.error());
  ports_.push_back(std::make_unique<Port>(loop_, instance, *source, std::move(source_key), *link,
                                          *std::move(adverts), *std::move(announcements), *netlink_,
                                          log_));
  return {};
}

void Supervisor::start() {
  loop_.refresh();
  for (const auto& port : ports_) on_link_change(port->link().index);
  for (const Script& script : config_.scripts) {
    const auto tracks = [&](const Instance& instance) {
      return std::ranges::find(instance.track_scripts, script.name) != instance.track_scripts.end();
    };
    if (std::ranges::any_of(config_.instances, tracks))
      scripts_.push_back(
          std::make_unique<ScriptRunner>(loop_, script, log_, [this] { on_verdict(); }));
  }
  for (const auto& port : ports_)
    port->start_by(loop_.now() + port->router().config().advert_interval);
  on_verdict();  // instances without scripts need not wait
}

void Supervisor::on_verdict() {
  for (const auto& port : ports_) {
    const auto tracked = tracked_by(port->router().config());
    port->on_tracked(tracked);
    const bool all_known = std::ranges::none_of(
        tracked, [](const Tracked& script) { return script.verdict == Verdict::Unknown; });
    if (all_known && !port->router().started()) port->start();
  }
}

std::vector<Tracked> Supervisor::tracked_by(const Instance& instance) const {
  std::vector<Tracked> out;
  for (const auto& script : scripts_) {
    if (std::ranges::find(instance.track_scripts, script->name()) != instance.track_scripts.end())
      out.push_back(script->tracked());
  }
  return out;
}

void Supervisor::on_link_change(int index) {
  for (const auto& port : ports_) {
    if (index != 0 && index != port->link().index) continue;
    const auto link = netlink_->link(port->link().name);
    // A new interface of the same name is not the one our sockets are bound to.
    const bool up = link && link->index == port->link().index && link->up;
    if (up != port->was_up)
      log_.log(Severity::Info, "Kernel is reporting: interface {} {}", port->link().name,
               up ? "UP" : "DOWN");
    port->was_up = up;
    port->on_link(up);
  }
}

void Supervisor::shutdown() {
  loop_.refresh();
  for (const auto& port : ports_) port->shutdown();
}

}  // namespace hapair::vrrp
