#include "vrrp/core/testament.h"

#include <algorithm>

namespace hapair::vrrp {
namespace {

class Writer {
 public:
  void number(std::uint32_t value) {
    out_.resize(out_.size() + 4);
    store_be32(&out_[out_.size() - 4], value);
  }
  void bytes(ByteView view) {
    number(static_cast<std::uint32_t>(view.size()));
    hapair::append(out_, view);
  }
  void text(std::string_view view) {
    bytes({reinterpret_cast<const std::uint8_t*>(view.data()), view.size()});
  }
  void address(const IpAddress& address) { bytes({address.data(), address.size()}); }
  template <typename T, typename Each>
  void list(const std::vector<T>& items, Each each) {
    number(static_cast<std::uint32_t>(items.size()));
    for (const T& item : items) each(item);
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

/// Answers zeros and nothings once something did not fit, and says so at the end.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  std::uint32_t number() {
    const ByteView view = take(4);
    return view.empty() ? 0 : load_be32(view.data());
  }
  ByteView bytes() { return take(number()); }
  std::string text() { return std::string(as_text(bytes())); }
  IpAddress address() {
    const ByteView view = bytes();
    if (view.size() == 4) return IpAddress::v4(load_be32(view.data()));
    std::array<std::uint8_t, 16> whole{};
    if (view.size() != whole.size()) {
      failed_ = true;
      return {};
    }
    std::copy_n(view.begin(), whole.size(), whole.begin());
    return IpAddress::v6(whole);
  }
  template <typename T, typename Each>
  void list(std::vector<T>& out, Each each) {
    const std::uint32_t count = number();
    for (std::uint32_t i = 0; i < count && !failed_; ++i) out.push_back(each());
  }
  bool is_good() const { return !failed_ && rest_.empty(); }

 private:
  ByteView take(std::size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const ByteView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }

  ByteView rest_;
  bool failed_ = false;
};

}  // namespace

void append(Testament& to, const Testament& more) {
  const auto add = [](auto& list, const auto& items) {
    list.insert(list.end(), items.begin(), items.end());
  };
  add(to.addresses, more.addresses);
  add(to.routes, more.routes);
  add(to.links, more.links);
  add(to.packets, more.packets);
  add(to.settings, more.settings);
  add(to.tables, more.tables);
  add(to.stopped, more.stopped);
}

Bytes write_testament(const Testament& testament) {
  Writer out;
  out.list(testament.addresses, [&](const Testament::Address& address) {
    out.number(static_cast<std::uint32_t>(address.index));
    out.address(address.address.address);
    out.number(static_cast<std::uint32_t>(address.address.prefix));
  });
  out.list(testament.routes, [&](const RouteOrder& route) {
    const auto optional = [&](const std::optional<IpAddress>& address) {
      out.number(address ? 1 : 0);
      if (address) out.address(*address);
    };
    out.address(route.to.address);
    out.number(static_cast<std::uint32_t>(route.to.prefix));
    optional(route.via);
    optional(route.source);
    out.number(static_cast<std::uint32_t>(route.index));
    out.number(route.metric);
    out.number(route.table);
  });
  out.list(testament.links, [&](int index) { out.number(static_cast<std::uint32_t>(index)); });
  out.list(testament.packets, [&](const Testament::Packet& packet) {
    out.number(static_cast<std::uint32_t>(packet.index));
    out.text(packet.interface);
    out.address(packet.destination);
    out.bytes(packet.bytes);
  });
  out.list(testament.settings, [&](const Testament::Setting& setting) {
    out.text(setting.path);
    out.text(setting.value);
  });
  out.list(testament.tables, [&](const std::string& table) { out.text(table); });
  out.list(testament.stopped, [&](int pid) { out.number(static_cast<std::uint32_t>(pid)); });
  return out.take();
}

std::optional<Testament> read_testament(ByteView bytes) {
  Reader in(bytes);
  Testament out;
  in.list(out.addresses, [&] {
    Testament::Address address;
    address.index = static_cast<int>(in.number());
    address.address.address = in.address();
    address.address.prefix = static_cast<int>(in.number());
    return address;
  });
  in.list(out.routes, [&] {
    RouteOrder route;
    route.to.address = in.address();
    route.to.prefix = static_cast<int>(in.number());
    if (in.number() != 0) route.via = in.address();
    if (in.number() != 0) route.source = in.address();
    route.index = static_cast<int>(in.number());
    route.metric = in.number();
    route.table = in.number();
    return route;
  });
  in.list(out.links, [&] { return static_cast<int>(in.number()); });
  in.list(out.packets, [&] {
    Testament::Packet packet;
    packet.index = static_cast<int>(in.number());
    packet.interface = in.text();
    packet.destination = in.address();
    const ByteView view = in.bytes();
    packet.bytes.assign(view.begin(), view.end());
    return packet;
  });
  in.list(out.settings, [&] {
    Testament::Setting setting;
    setting.path = in.text();
    setting.value = in.text();
    return setting;
  });
  in.list(out.tables, [&] { return in.text(); });
  in.list(out.stopped, [&] { return static_cast<int>(in.number()); });
  if (!in.is_good()) return std::nullopt;
  return out;
}

}  // namespace hapair::vrrp
