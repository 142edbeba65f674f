// A virtual router with its sockets and its timer.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "common/loop/loop.h"
#include "vrrp/net/advert_socket.h"
#include "vrrp/net/announce_socket.h"
#include "vrrp/runtime/virtual_router.h"

namespace hapair::vrrp {

/// Lives on its loop's thread and dies before the loop. Netlink, sockets for announcements and the
/// logger outlive it.
class Port final : public LinkPort {
 public:
  /// Opens the sockets; an error names what is missing.
  static Result<std::unique_ptr<Port>> open(Loop& loop, const Instance& instance,
                                            Placement placement, const KeyRing& keys,
                                            Netlink& netlink, AnnounceSocket& announcements,
                                            Logger& log, RouterObserver* observer);
  ~Port() override;

  /// What another configuration of the same virtual router needs of the host.
  struct Change {
    Instance instance;
    Placement placement;
    std::array<std::optional<AdvertSocket>, 2> sockets;  // by family; absent: the one there is, if any
  };
  /// Opens what is needed and not there yet; nothing else changes.
  Result<Change> prepare(const Instance& instance, Placement placement) const;
  void change(Change change, const KeyRing& keys);

  VirtualRouter& router() { return router_; }
  const VirtualRouter& router() const { return router_; }
  const Link& link() const { return router_.placement().link; }
  bool was_up = true;

  /// The election begins no later than this.
  void start_by(TimePoint latest) { timer_.arm(latest); }
  void start();
  void resume(const InstanceFsm::Memory& memory);
  void on_tracked(std::span<const Tracked> tracked, std::string_view why);
  void on_link(bool up);
  void shutdown();
  /// Nothing leaves it, as with the cable pulled, until told otherwise. A drill.
  void mute(bool muted) { muted_ = muted; }
  /// Asks for nothing more, resigns nothing: another one goes on in its place.
  void retire();
  /// After something was asked of the router.
  void rearm();

 private:
  /// One socket's watcher.
  class Ear final : public Watcher {
   public:
    Ear(Port& port, AdvertSocket socket);
    ~Ear();
    void on_ready(std::uint32_t) override;
    void hear();
    AdvertSocket& socket() { return socket_; }

   private:
    Port& port_;
    AdvertSocket socket_;
  };

  Port(Loop& loop, const Instance& instance, Placement placement, const KeyRing& keys,
       Netlink& netlink, AnnounceSocket& announcements, Logger& log, RouterObserver* observer);

  Result<void> send_advert(const Endpoints& way, ByteView packet) override;
  Result<void> send_frame(int index, ByteView frame) override;
  void check_absence();
  void hear_all();
  void on_due();

  Loop& loop_;
  AnnounceSocket& announcements_;
  bool muted_ = false;
  std::array<std::unique_ptr<Ear>, 2> ears_;  // by family; null: none
  VirtualRouter router_;
  Timer timer_;
  Duration suspended_;  // as it was last
  std::array<std::uint8_t, 2048> buffer_{};
};

}  // namespace hapair::vrrp
