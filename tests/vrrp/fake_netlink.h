// A small kernel: links that can be pulled, addresses that are listed once added.
#pragma once

#include <algorithm>
#include <map>

#include "vrrp/net/netlink.h"

namespace hapair::vrrp {

class FakeNetlink final : public Netlink {
 public:
  explicit FakeNetlink(Link link, std::vector<Cidr> own = {})
      : link_(std::move(link)), addresses_(std::move(own)) {}

  Result<Link> link(const std::string& name) override {
    if (name != link_.name) return fail(Errc::NotFound, "there is no interface {}", name);
    return link_;
  }
  Result<std::vector<Link>> links() override { return std::vector{link_}; }
  Result<std::vector<Cidr>> addresses(int) override { return addresses_; }
  Result<void> add_address(int index, const Cidr& address) override {
    if (index != link_.index) return fail(Errc::NotFound, "no interface {}", index);
    if (full_) return fail(Errc::System, "cannot add {}: No space left", address.to_string());
    if (!has(address)) addresses_.push_back(address);
    return {};
  }
  Result<void> remove_address(int, const Cidr& address) override {
    std::erase(addresses_, address);
    return {};
  }
  void on_change(std::function<void(int)> callback) override { callback_ = std::move(callback); }

  bool has(const Cidr& address) const {
    return std::ranges::find(addresses_, address) != addresses_.end();
  }
  /// Whether adding fails.
  void set_full(bool full) { full_ = full; }
  void set_mac(const std::array<std::uint8_t, 6>& mac) { link_.mac = mac; }
  void set_up(bool up) {
    link_.up = up;
    if (callback_) callback_(link_.index);
  }

 private:
  Link link_;
  std::vector<Cidr> addresses_;
  std::function<void(int)> callback_;
  bool full_ = false;
};

}  // namespace hapair::vrrp
