#include "vrrp/runtime/address_keeper.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

// So often within a lease: one renewal may fail or be late, and the next still comes in time.
constexpr int kRenewals = 3;

bool carries(const std::vector<Cidr>& list, const IpAddress& address) {
  return std::ranges::find(list, address, &Cidr::address) != list.end();
}

void note(std::vector<Error>& errors, const Result<void>& result) {
  if (!result) errors.push_back(result.error());
}

}  // namespace

AddressKeeper::AddressKeeper(Settings settings, Netlink& netlink)
    : netlink_(netlink) {
  change(std::move(settings));
}

std::vector<Error> AddressKeeper::give_back(const Settings& next) {
  std::vector<Error> errors;
  for (const RouteOrder& route : settings_.routes)
    if (std::ranges::find(next.routes, route) == next.routes.end())
      note(errors, netlink_.remove_route(route));
  for (const AddressOrder& order : settings_.addresses) {
    const bool stays = std::ranges::any_of(next.addresses, [&](AddressOrder other) {
      other.lifetime = order.lifetime;
      return other == order;
    });
    if (!stays) note(errors, netlink_.remove_address(order.index, order.address));
  }
  return errors;
}

void AddressKeeper::change(Settings settings) {
  settings_ = std::move(settings);
  for (AddressOrder& order : settings_.addresses) order.lifetime = settings_.lease;
  renewal_ = kNever;
}

bool AddressKeeper::is_on(int index) const {
  return std::ranges::find(settings_.addresses, index, &AddressOrder::index) !=
         settings_.addresses.end();
}

std::vector<Error> AddressKeeper::put(TimePoint now) {
  std::vector<Error> errors = put_back(settings_.addresses);
  for (const Error& error : put_routes()) errors.push_back(error);
  if (settings_.lease > Duration::zero()) renewal_ = now + settings_.lease / kRenewals;
  return errors;
}

std::vector<Error> AddressKeeper::put_back(const std::vector<AddressOrder>& addresses) {
  std::vector<Error> errors;
  for (const AddressOrder& order : addresses) note(errors, netlink_.put_address(order));
  return errors;
}

std::vector<Error> AddressKeeper::put_routes() {
  std::vector<Error> errors;
  for (const RouteOrder& route : settings_.routes) note(errors, netlink_.put_route(route));
  return errors;
}

std::vector<Error> AddressKeeper::remove(bool& were_there) {
  were_there = false;
  renewal_ = kNever;
  std::vector<Error> errors;
  for (const RouteOrder& route : settings_.routes) note(errors, netlink_.remove_route(route));
  for (const AddressOrder& order : settings_.addresses) {
    const auto present = netlink_.addresses(order.index);
    // With the prefix it has there: a predecessor may have been configured with another.
    Cidr there = order.address;
    if (present) {
      const auto found = std::ranges::find(*present, order.address.address, &Cidr::address);
      if (found == present->end()) continue;
      there = *found;
    }
    were_there = true;
    note(errors, netlink_.remove_address(order.index, there));
  }
  return errors;
}

std::vector<AddressOrder> AddressKeeper::missing() const {
  std::vector<AddressOrder> out;
  int asked = 0;
  Result<std::vector<Cidr>> present;
  for (const AddressOrder& order : settings_.addresses) {
    if (order.index != asked) present = netlink_.addresses(asked = order.index);
    if (present && !carries(*present, order.address.address)) out.push_back(order);
  }
  return out;
}

std::vector<Error> AddressKeeper::renew(TimePoint now) {
  renewal_ = now + settings_.lease / kRenewals;
  return put_back(settings_.addresses);
}

}  // namespace hapair::vrrp
