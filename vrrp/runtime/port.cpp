#include "vrrp/runtime/port.h"

#include <sys/epoll.h>

#include <algorithm>

#include "vrrp/runtime/drain.h"

namespace hapair::vrrp {
namespace {

AdvertSocket::Settings socket_settings(const Instance& instance, const Placement& placement,
                                       const Channel& channel) {
  AdvertSocket::Settings out{
      .v6 = channel.is_v6(),
      .protocol = instance.auth.type == Auth::Type::Header ? kAuthHeaderProtocol : kProtocol,
      .interface = placement.link.name,
      .index = placement.link.index,
      .sending_interface = placement.face.name,
      .sending_index = placement.face.index,
      .source = channel.source};
  if (!instance.unicast_peers.empty()) out.local = channel.source;
  return out;
}

/// Absent: nothing is sent or heard in that family.
std::optional<AdvertSocket::Settings> socket_settings(const Instance& instance,
                                                      const Placement& placement, bool v6) {
  const auto channel = std::ranges::find(placement.channels, v6, &Channel::is_v6);
  if (channel == placement.channels.end()) return std::nullopt;
  return socket_settings(instance, placement, *channel);
}

}  // namespace

Port::Ear::Ear(Port& port, AdvertSocket socket) : port_(port), socket_(std::move(socket)) {
  port_.loop_.watch(socket_.fd(), *this, EPOLLIN);
}

Port::Ear::~Ear() { port_.loop_.forget(socket_.fd(), *this); }

void Port::Ear::on_ready(std::uint32_t) {
  port_.check_absence();
  hear();
  port_.rearm();
}

void Port::Ear::hear() {
  const bool more = drain([this] { return socket_.receive(port_.buffer_); },
                          [this](const tl::expected<Datagram, Refusal>& datagram) {
                            port_.router_.on_datagram(datagram, port_.loop_.now());
                          });
  port_.loop_.cancel_resume(*this);  // at most one: the timer and the socket both come here
  if (more) port_.loop_.resume(*this, EPOLLIN);
}

Port::Port(Loop& loop, const Instance& instance, Placement placement, const KeyRing& keys,
           Netlink& netlink, AnnounceSocket& announcements, Logger& log, RouterObserver* observer)
    : loop_(loop),
      announcements_(announcements),
      router_(instance, std::move(placement), keys, {netlink, *this, log, observer}),
      timer_(loop, [this] { on_due(); }),
      suspended_(suspended_time()) {}

Port::~Port() = default;

Result<std::unique_ptr<Port>> Port::open(Loop& loop, const Instance& instance, Placement placement,
                                         const KeyRing& keys, Netlink& netlink,
                                         AnnounceSocket& announcements, Logger& log,
                                         RouterObserver* observer) {
  std::unique_ptr<Port> self(new Port(loop, instance, std::move(placement), keys, netlink,
                                      announcements, log, observer));
  for (const Channel& channel : self->router_.placement().channels) {
    auto socket = AdvertSocket::open(socket_settings(instance, self->router_.placement(), channel));
    if (!socket) return tl::make_unexpected(socket.error());
    self->ears_[channel.is_v6()] = std::make_unique<Ear>(*self, *std::move(socket));
  }
  return self;
}

Result<Port::Change> Port::prepare(const Instance& instance, Placement placement) const {
  Change out{.instance = instance, .placement = std::move(placement), .sockets = {}};
  for (const bool v6 : {false, true}) {
    const auto wanted = socket_settings(instance, out.placement, v6);
    if (!wanted || wanted == socket_settings(router_.config(), router_.placement(), v6)) continue;
    auto socket = AdvertSocket::open(*wanted);
    if (!socket) return tl::make_unexpected(socket.error());
    out.sockets[v6] = *std::move(socket);
  }
  return out;
}

void Port::change(Change change, const KeyRing& keys) {
  hear_all();  // under the terms it was sent under
  for (const bool v6 : {false, true}) {
    if (change.sockets[v6])
      ears_[v6] = std::make_unique<Ear>(*this, *std::move(change.sockets[v6]));
    else if (!socket_settings(change.instance, change.placement, v6))
      ears_[v6].reset();
  }
  router_.change(change.instance, std::move(change.placement), keys, loop_.now());
  rearm();
}

Result<void> Port::send_advert(const Endpoints& way, ByteView packet) {
  if (muted_) return {};
  return ears_[way.is_v6()]->socket().send(way.destination, packet);
}

Result<void> Port::send_frame(int index, ByteView frame) {
  if (muted_) return {};
  return announcements_.send(index, frame);
}

void Port::start() {
  router_.start(loop_.now());
  rearm();
}

void Port::resume(const InstanceFsm::Memory& memory) {
  router_.resume(memory, loop_.now());
  rearm();
}

void Port::on_tracked(std::span<const Tracked> tracked, std::string_view why) {
  check_absence();
  router_.on_tracked(tracked, loop_.now(), why);
  rearm();
}

void Port::on_link(bool up) {
  check_absence();  // an address whose lease ended meanwhile must not be put back
  router_.on_link(up, loop_.now());
  rearm();
}

void Port::shutdown() {
  router_.shutdown(loop_.now());
  retire();
}

void Port::retire() {
  timer_.disarm();
  for (auto& ear : ears_) ear.reset();
}

/// Whoever comes late to what was due was not running. A suspended machine's monotonic clock stands
/// still, so that is asked too.
void Port::check_absence() {
  const Duration suspended = suspended_time();
  const Duration slept = suspended - std::exchange(suspended_, suspended);
  if (!router_.started()) return;
  router_.on_absence(loop_.now() - router_.deadline() + slept, loop_.now());
}

void Port::hear_all() {
  for (auto& ear : ears_)
    if (ear) ear->hear();
}

void Port::on_due() {
  if (!router_.started()) return start();
  check_absence();
  // After a stall the timer is as late as the adverts in the queue: hear them first, so that a
  // master that never fell silent is not taken for dead.
  hear_all();
  router_.on_due(loop_.now());
  rearm();
}

void Port::rearm() {
  if (router_.started()) timer_.arm(router_.deadline());
}

}  // namespace hapair::vrrp
