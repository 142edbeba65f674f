// Reads `bind`, and what a frontend says of all its listeners.
#include "proxy/config/bind.h"

#include <net/if.h>

#include <algorithm>

#include "common/text.h"
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 7> kNotBuiltBind = {"alpn", "crt", "http2",      "proto",
                                                           "ssl",  "tls", "transparent"};
constexpr std::array<ForeignWord, 1> kForeignBind = {{{"v4v6", "v6only = false"}}};

constexpr std::string_view kFormsHint =
    "as \"*:80\", \"[::]:80\", \"*:8000-8010\", \"unix:/run/hapair/web.sock\" or \"fd@3\"";
constexpr std::string_view kTrustedHint =
    "the networks of those who announce clients: accept_proxy = [\"192.168.50.0/24\"]";
constexpr int kMostBacklog = 1 << 20;

enum class Form { Inet, Unix, Inherited };

Form form_of(std::string_view text) {
  if (text.starts_with("unix:")) return Form::Unix;
  return text.starts_with("fd@") ? Form::Inherited : Form::Inet;
}

/// How other programs write a Unix socket, for the hint.
std::string meant_unix_socket(std::string_view text) {
  if (text.starts_with("unix@")) return fmt::format("unix:{}", text.substr(5));
  if (text.starts_with("abns@")) return fmt::format("unix:@{}", text.substr(5));
  if (text.starts_with('/')) return fmt::format("unix:{}", text);
  return {};
}

Result<ListenSocket::Place> parse_inherited(std::string_view text) {
  const std::string_view which = text.substr(std::string_view("fd@").size());
  if (which.empty()) return fail(Errc::Syntax, "'{}' names no descriptor", text);
  if (which.find_first_not_of("0123456789") == which.npos) {
    const auto number = parse_number<int>(which);
    // Below are the standard streams.
    if (!number || *number < 3)
      return fail(Errc::Range, "'{}' is no descriptor one can inherit: a number from 3 on", which);
    return InheritedSocket{*number, {}};
  }
  // systemd.socket(5), FileDescriptorName=
  if (which.size() > 255 || which.find(':') != which.npos || has_control_byte(which))
    return fail(Errc::Syntax, "'{}' cannot be the name of a descriptor", which);
  return InheritedSocket{-1, std::string(which)};
}

/// One address, or with "FIRST-LAST" for a port one for each of them.
Result<std::vector<ListenSocket::Place>> parse_inet(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto dash = colon == text.npos ? text.npos : text.find('-', colon);
  const auto first = SocketAddress::parse(text.substr(0, dash));
  if (!first) return tl::make_unexpected(first.error());
  std::vector<ListenSocket::Place> places = {*first};
  if (dash == text.npos) return places;
  const std::string_view end = text.substr(dash + 1);
  const auto last = parse_number<std::uint16_t>(end);
  if (!last || *last == 0)
    return fail(Errc::Range, "'{}' is not a port: a number from 1 to 65535", end);
  if (*last < first->port)
    return fail(Errc::Range, "the range of ports {}-{} ends before it begins", first->port, *last);
  for (unsigned port = first->port + 1U; port <= *last; ++port)
    places.push_back(SocketAddress{first->ip, static_cast<std::uint16_t>(port)});
  return places;
}

Result<std::vector<ListenSocket::Place>> parse_places(std::string_view text) {
  switch (form_of(text)) {
    case Form::Inet: return parse_inet(text);
    case Form::Unix:
      return UnixAddress::parse(text).map(
          [](UnixAddress address) { return std::vector<ListenSocket::Place>{std::move(address)}; });
    case Form::Inherited:
      return parse_inherited(text).map(
          [](ListenSocket::Place place) { return std::vector{std::move(place)}; });
  }
  std::abort();  // every form is named above
}

/// What a table says of the socket besides its address.
class SocketReader {
 public:
  SocketReader(TableReader& table, std::string_view address, ListenSocket& out)
      : table_(table), form_(form_of(address)), out_(out) {
    is_v6_ = form_ == Form::Inet && address.starts_with('[');
  }

  void read() {
    read_interface();
    read_file();
    if (const auto backlog = table_.integer("backlog", 1, kMostBacklog);
        backlog && fits("backlog", form_ != Form::Inherited, kOpener))
      out_.backlog = static_cast<int>(*backlog);
    if (const auto only = table_.boolean("v6only");
        only && fits("v6only", is_v6_, "it is for IPv6 addresses, as \"[::]:80\""))
      out_.v6only = *only;
    if (const auto defer = table_.boolean("defer_accept"); defer && fits_tcp("defer_accept"))
      out_.defer_accept = *defer;
    if (const auto tfo = table_.boolean("tfo"); tfo && fits_tcp("tfo")) out_.fast_open = *tfo;
  }

 private:
  static constexpr std::string_view kOpener = "whoever opened the socket has decided that";

  bool fits(std::string_view key, bool yes, std::string_view why) {
    if (!yes)
      table_.error(key, fmt::format("this listener cannot have {}", key), std::string(why));
    return yes;
  }
  bool fits_tcp(std::string_view key) {
    return fits(key, form_ == Form::Inet,
                form_ == Form::Unix ? std::string_view("it is for TCP") : kOpener);
  }

  void read_interface() {
    const auto name = table_.string("interface");
    if (!name || !fits_tcp("interface")) return;
    if (is_interface_name(*name))
      out_.interface = *name;
    else
      table_.error("interface", fmt::format("\"{}\" cannot be the name of an interface", *name),
                   "as \"eth1\"");
  }

  /// Who may open the file of a Unix socket.
  void read_file() {
    constexpr std::string_view why = "it is for the file of a Unix socket, as \"unix:/run/…\"";
    const bool has_file =
        form_ == Form::Unix && !std::get<UnixAddress>(out_.at).is_abstract;
    if (const auto mode = table_.string("mode"); mode && fits("mode", has_file, why)) {
      unsigned value = 0;
      const bool octal = mode->size() >= 3 && mode->size() <= 4 &&
                         mode->find_first_not_of("01234567") == mode->npos;
      for (const char digit : *mode) value = value * 8 + static_cast<unsigned>(digit - '0');
      if (octal && value <= 0777)
        out_.mode = value;
      else
        table_.error("mode", fmt::format("\"{}\" is not a file's mode", *mode),
                     "in octal digits, as \"0660\"");
    }
    for (const auto& [key, account] : {std::pair("user", &out_.user), {"group", &out_.group}}) {
      const auto name = table_.string(key);
      if (!name || !fits(key, has_file, why)) continue;
      if (is_account_name(*name))
        *account = *name;
      else
        table_.error(key, fmt::format("\"{}\" cannot be a {}", *name, key),
                     fmt::format("{} = \"www-data\"", key));
    }
  }

  TableReader& table_;
  const Form form_;
  bool is_v6_ = false;
  ListenSocket& out_;
};

/// `accept_proxy`: a list of networks, or false. Nothing if the table does not say, or says it wrong.
std::optional<std::optional<AcceptProxy>> read_accept_proxy(TableReader& table, bool is_unix) {
  const ConfigNode* node = table.raw("accept_proxy");
  if (!node) return std::nullopt;
  if (node->kind == ConfigNode::Kind::Boolean && !node->boolean)
    return std::optional<AcceptProxy>();
  if (node->kind == ConfigNode::Kind::Boolean && is_unix) return AcceptProxy{};
  if (node->kind == ConfigNode::Kind::Boolean ||
      (node->kind == ConfigNode::Kind::Array && node->array.empty())) {
    table.error("accept_proxy",
                "whoever may announce clients could pass for any of them: accept_proxy needs to "
                "know from whom",
                std::string(kTrustedHint));
    return std::nullopt;
  }
  AcceptProxy out;
  const auto read_network = [&](const ConfigNode& item) {
    if (item.kind != ConfigNode::Kind::String)
      return table.error_at(item.where,
                            fmt::format("accept_proxy must be a list of networks, not {}",
                                        item.kind_name()),
                            std::string(kTrustedHint));
    const auto network = Cidr::parse(item.string);
    if (network)
      out.trusted.push_back(*network);
    else
      table.error_at(item.where, network.error().message, "as \"192.168.50.0/24\"");
  };
  if (node->kind == ConfigNode::Kind::Array)
    std::for_each(node->array.begin(), node->array.end(), read_network);
  else
    read_network(*node);
  return out;
}

/// The listeners of one item of `bind`: its address, and the table that may stand around it.
void read_bind(const ConfigNode& address, TableReader* table, TableReader& section, Frontend& out,
               std::vector<SourceLocation>& where) {
  const std::string& text = address.string;
  if (const std::string meant = meant_unix_socket(text); !meant.empty())
    return section.error_at(address.where, fmt::format("'{}' is no address", text),
                            fmt::format("did you mean \"{}\"?", meant));
  const auto places = parse_places(text);
  if (!places)
    return section.error_at(address.where, places.error().message, std::string(kFormsHint));
  Bind bind;
  bind.socket.at = places->front();
  bind.socket.backlog = out.backlog;
  bind.accept_proxy = out.accept_proxy;
  if (table) {
    SocketReader(*table, text, bind.socket).read();
    if (auto accept = read_accept_proxy(*table, form_of(text) == Form::Unix))
      bind.accept_proxy = *std::move(accept);
  }
  for (const ListenSocket::Place& place : *places) {
    bind.socket.at = place;
    bind.number = static_cast<std::uint16_t>(std::min<std::size_t>(out.binds.size() + 1, 65535));
    out.binds.push_back(bind);
    where.push_back(address.where);
  }
}

}  // namespace

std::string InheritedSocket::to_string() const {
  return number >= 0 ? fmt::format("fd@{}", number) : fmt::format("fd@{}", name);
}

bool ListenSocket::is_same_socket(const ListenSocket& other) const {
  ListenSocket same = other;
  same.mode = mode;
  same.user = user;
  same.group = group;
  // There is no second one at its path, as there is at a port.
  if (std::holds_alternative<UnixAddress>(at)) same.backlog = backlog;
  return *this == same;
}

std::string ListenSocket::to_string() const {
  return std::visit([](const auto& place) { return place.to_string(); }, at);
}

bool AcceptProxy::trusts(const SocketAddress& peer) const {
  return peer.unix_listener != 0 ||
         std::any_of(trusted.begin(), trusted.end(),
                     [&](const Cidr& network) { return network.contains(peer.ip); });
}

bool is_interface_name(std::string_view name) {
  // What the kernel takes: dev_valid_name().
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         !has_control_byte(name) && name.find_first_of("/: ") == name.npos;
}

void read_listener_defaults(TableReader& section, Frontend& out) {
  if (const auto backlog = section.integer("backlog", 1, kMostBacklog))
    out.backlog = static_cast<int>(*backlog);
  if (auto accept = read_accept_proxy(section, /*is_unix=*/false))
    out.accept_proxy = *std::move(accept);
}

std::vector<SourceLocation> read_binds(TableReader& section, Frontend& out) {
  std::vector<SourceLocation> where;
  const ConfigNode* node = section.raw("bind");
  if (!node) {
    section.error_at(section.where(), "nobody can reach this: it has no bind", "bind = [\"*:80\"]");
    return where;
  }
  const auto read_item = [&](const ConfigNode& item) {
    if (item.kind == ConfigNode::Kind::String) {
      read_bind(item, nullptr, section, out, where);
    } else if (item.kind == ConfigNode::Kind::Table) {
      TableReader table(item, section.path() + ".bind", section.diagnostics());
      if (table.string("address"))
        read_bind(*table.raw("address"), &table, section, out, where);
      else if (!table.has("address"))
        table.error_at(table.where(), "a bind needs an address", "address = \"*:80\"");
      refuse_not_built(table, kNotBuiltBind);
      refuse_foreign(table, kForeignBind);
      table.finish();
    } else {
      section.error_at(item.where, fmt::format("bind must be an address, not {}", item.kind_name()),
                       "bind = [\"*:80\"]");
    }
  };
  if (node->kind != ConfigNode::Kind::Array) {
    read_item(*node);
    return where;
  }
  if (node->array.empty())
    section.error("bind", "nobody can reach this: bind is empty", "bind = [\"*:80\"]");
  for (const ConfigNode& item : node->array) read_item(item);
  return where;
}

}  // namespace hapair::proxy
