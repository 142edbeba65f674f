// The real kernel behind Netlink, through libnl.
#pragma once

#include <memory>

#include "common/loop/loop.h"
#include "vrrp/net/netlink.h"

namespace hapair::vrrp {

class LibnlNetlink final : public Netlink {
 public:
  /// The loop must outlive what is opened on it.
  static Result<std::unique_ptr<LibnlNetlink>> open(Loop& loop);
  /// Only asks and orders; hears of no change.
  static Result<std::unique_ptr<LibnlNetlink>> open();
  ~LibnlNetlink() override;

  Result<Link> link(const std::string& name) override;
  Result<Link> link(int index) override;
  Result<std::vector<Link>> links() override;
  Result<std::vector<Cidr>> addresses(int index, bool with_tentative) override;
  Result<void> put_address(const AddressOrder& order) override;
  Result<void> remove_address(int index, const Cidr& address) override;
  Result<void> put_route(const RouteOrder& order) override;
  Result<void> remove_route(const RouteOrder& order) override;
  Result<Link> make_macvlan(int parent, const std::string& name, const MacAddress& mac) override;
  Result<void> remove_link(int index) override;
  void on_change(std::function<void(int index)> callback) override;

 private:
  struct Impl;
  explicit LibnlNetlink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hapair::vrrp
