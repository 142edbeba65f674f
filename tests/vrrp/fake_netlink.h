// A small kernel: links that can be pulled, addresses that are listed once added and leave when their
// lifetime is over.
#pragma once

#include <algorithm>
#include <map>

#include "vrrp/net/netlink.h"

namespace hapair::vrrp {

class FakeNetlink final : public Netlink {
 public:
  explicit FakeNetlink(Link link, std::vector<Cidr> own = {})
      : links_{std::move(link)}, addresses_{{links_.front().index, std::move(own)}} {}

  Result<Link> link(const std::string& name) override {
    for (const Link& link : links_)
      if (link.name == name) return link;
    return fail(Errc::NotFound, "there is no interface {}", name);
  }
  Result<Link> link(int index) override {
    for (const Link& link : links_)
      if (link.index == index) return link;
    return fail(Errc::NotFound, "no interface {}", index);
  }
  Result<std::vector<Link>> links() override { return links_; }
  Result<std::vector<Cidr>> addresses(int index, bool = false) override {
    return addresses_[index];
  }
  Result<void> put_address(const AddressOrder& order) override {
    if (!link(order.index)) return fail(Errc::NotFound, "no interface {}", order.index);
    if (full_)
      return fail(Errc::System, "cannot add {}: No space left", order.address.to_string());
    ++puts_;
    lifetime_ = order.lifetime;
    if (order.lifetime > Duration::zero())
      ends_[{order.index, order.address.address}] = now_ + order.lifetime + order.lifetime / 20;
    auto& list = addresses_[order.index];
    if (std::ranges::find(list, order.address) == list.end()) list.push_back(order.address);
    return {};
  }
  Result<void> remove_address(int index, const Cidr& address) override {
    std::erase(addresses_[index], address);
    ends_.erase({index, address.address});
    return {};
  }
  Result<void> put_route(const RouteOrder& order) override {
    if (std::ranges::find(routes_, order) == routes_.end()) routes_.push_back(order);
    return {};
  }
  Result<void> remove_route(const RouteOrder& order) override {
    std::erase(routes_, order);
    return {};
  }
  Result<Link> make_macvlan(int, const std::string& name, const MacAddress& mac) override {
    links_.push_back({.index = links_.back().index + 1, .name = name, .mac = mac, .up = true});
    return links_.back();
  }
  Result<void> remove_link(int index) override {
    std::erase_if(links_, [index](const Link& link) { return link.index == index; });
    addresses_.erase(index);
    return {};
  }
  void on_change(std::function<void(int)> callback) override { callback_ = std::move(callback); }

  void add_link(const Link& link, std::vector<Cidr> own = {}) {
    links_.push_back(link);
    addresses_[link.index] = std::move(own);
  }
  /// The time: whatever was not put again within its lifetime (and a twentieth, as measured with the real
  /// one) is gone.
  void pass(TimePoint now) {
    now_ = now;
    std::erase_if(ends_, [&](const auto& entry) {
      const auto& [where, end] = entry;
      if (end > now) return false;
      std::erase_if(addresses_[where.first],
                    [&, &gone = where.second](const Cidr& there) { return there.address == gone; });
      return true;
    });
  }
  /// When the next one goes.
  TimePoint next_end() const {
    TimePoint next = kNever;
    for (const auto& [where, end] : ends_) next = std::min(next, end);
    return next;
  }
  bool has(const Cidr& address) const {
    return std::ranges::any_of(addresses_, [&](const auto& of_link) {
      return std::ranges::find(of_link.second, address) != of_link.second.end();
    });
  }
  const std::vector<RouteOrder>& routes() const { return routes_; }
  /// How often an address was put, and with what lifetime last.
  int puts() const { return puts_; }
  Duration lifetime() const { return lifetime_; }
  /// Whether adding fails.
  void set_full(bool full) { full_ = full; }
  void set_mac(const MacAddress& mac) { links_.front().mac = mac; }
  void set_up(bool up) {
    links_.front().up = up;
    if (callback_) callback_(links_.front().index);
  }
  /// The interface with that index is like this from now on, or is there no more (null). An event comes.
  void change(int index, const Link* like) {
    std::erase_if(links_, [index](const Link& link) { return link.index == index; });
    if (like) links_.push_back(*like);
    if (callback_) callback_(index);
  }

 private:
  std::vector<Link> links_;
  std::map<int, std::vector<Cidr>> addresses_;
  std::map<std::pair<int, IpAddress>, TimePoint> ends_;  // of what is held on a lease
  TimePoint now_{};
  std::vector<RouteOrder> routes_;
  std::function<void(int)> callback_;
  int puts_ = 0;
  Duration lifetime_{};
  bool full_ = false;
};

}  // namespace hapair::vrrp
