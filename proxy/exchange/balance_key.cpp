#include "proxy/exchange/balance_key.h"

#include <algorithm>
#include <array>

#include "common/text.h"

namespace hapair::exchange {
namespace {

using proxy::BalanceKey;
using Kind = BalanceKey::Kind;

/// Calls `visit` with each element of each field of that name, until it answers false. List elements
/// are told apart at commas (RFC 9110 5.6.1); there are no quoted ones in the fields that are hashed.
template <typename Visit>
void for_each_element(const http::RequestHead& request, std::string_view name, Visit visit) {
  for (const http::Field& field : request.fields) {
    if (!iequals(field.name, name)) continue;
    for (std::string_view rest = field.value;;) {
      const auto comma = rest.find(',');
      if (const auto element = trim(rest.substr(0, comma)); !element.empty() && !visit(element))
        return;
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
}

/// The element number `which`, from 1, or from the last at -1; empty if there are fewer.
std::string_view element(const http::RequestHead& request, std::string_view name, int which) {
  int wanted = which;
  if (which < 0) {
    int count = 0;
    for_each_element(request, name, [&](std::string_view) { return ++count > 0; });
    wanted = count + which + 1;
  }
  std::string_view found;
  if (wanted < 1) return found;
  for_each_element(request, name, [&](std::string_view value) {
    if (--wanted == 0) found = value;
    return wanted > 0;
  });
  return found;
}

std::string_view first_field(const http::RequestHead& request, std::string_view name) {
  for (const http::Field& field : request.fields)
    if (iequals(field.name, name)) return field.value;
  return {};
}

std::string_view uri_part(std::string_view target, const BalanceKey& wanted) {
  std::size_t end = 0;
  for (unsigned slashes = 0; end < target.size(); ++end) {
    if (wanted.length > 0 && end == wanted.length) break;
    if (target[end] == '?' && !wanted.whole) break;
    if (target[end] == '/' && wanted.depth > 0 && ++slashes > wanted.depth) break;
  }
  return target.substr(0, end);
}

std::string_view query_of(std::string_view path_query) {
  const auto mark = path_query.find('?');
  return mark == path_query.npos ? std::string_view{} : path_query.substr(mark + 1);
}

/// RFC 6265 4.2: "a=1; b=2". The first of that name; quotes around a value are no part of it.
std::string_view cookie(const http::RequestHead& request, std::string_view name) {
  for (const http::Field& field : request.fields) {
    if (!iequals(field.name, "cookie")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const auto end = rest.find(';');
      const std::string_view pair = trim(rest.substr(0, end));
      if (const auto equals = pair.find('='); equals != pair.npos && trim(pair.substr(0, equals)) == name) {
        std::string_view value = trim(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
          value = value.substr(1, value.size() - 2);
        return value;
      }
      rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
  }
  return {};
}

/// Of "www.example.com:80" the label before the last one.
std::string_view domain_of(std::string_view host) {
  if (host.starts_with('[')) return host;  // an IPv6 address has no labels
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto last = host.rfind('.');
  if (last == host.npos) return host;
  host = host.substr(0, last);
  const auto before = host.rfind('.');
  return before == host.npos ? host : host.substr(before + 1);
}

/// Host names are the same in either case (RFC 9110 4.2.3).
std::optional<std::uint64_t> hash_of_host(const KeyHash& hash, std::string_view host) {
  std::array<char, 256> lower;
  const std::size_t size = std::min(host.size(), lower.size());
  std::transform(host.begin(), host.begin() + static_cast<std::ptrdiff_t>(size), lower.begin(),
                 ascii_lower);
  return hash.of(std::string_view(lower.data(), size));
}

/// An address, with or without a port, as X-Forwarded-For and its like write it.
Result<IpAddress> address_in(std::string_view text) {
  if (text.starts_with('[')) return IpAddress::parse(text.substr(1, text.find(']') - 1));
  if (const auto colon = text.find(':'); colon != text.npos && colon == text.rfind(':'))
    text = text.substr(0, colon);
  return IpAddress::parse(text);
}

}  // namespace

std::string_view parameter(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const auto end = list.find('&');
    const std::string_view pair = list.substr(0, end);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
    list.remove_prefix(end == list.npos ? list.size() : end + 1);
  }
  return {};
}

std::optional<std::uint64_t> balance_key(const BalanceKey& wanted, const KeyHash& hash,
                                         const IpAddress& client) {
  if (wanted.kind != Kind::Source) return std::nullopt;
  return hash.of(client, wanted.mask, wanted.mask6);
}

std::optional<std::uint64_t> balance_key(const BalanceKey& wanted, const KeyHash& hash,
                                         const IpAddress& client, const http::RequestHead& request,
                                         std::string_view body) {
  std::string_view value;
  switch (wanted.kind) {
    case Kind::None: return std::nullopt;
    case Kind::Source: return balance_key(wanted, hash, client);
    case Kind::Uri: value = uri_part(request.target, wanted); break;
    case Kind::Path: value = uri_part(request.path_query, wanted); break;
    case Kind::Query:
      value = parameter(query_of(request.path_query), wanted.name);
      if (value.empty() && wanted.check_post && request.method == http::Method::Post)
        value = parameter(body, wanted.name);
      break;
    case Kind::Header:
      value = wanted.occurrence == 0 ? first_field(request, wanted.name)
                                     : element(request, wanted.name, wanted.occurrence);
      if (value.empty()) return std::nullopt;
      if (wanted.domain_only) return hash_of_host(hash, domain_of(value));
      if (iequals(wanted.name, "host")) return hash_of_host(hash, value);
      break;
    case Kind::HeaderAddress: {
      const auto address = address_in(element(request, wanted.name, wanted.occurrence));
      if (!address) return std::nullopt;
      return hash.of(*address, wanted.mask, wanted.mask6);
    }
    case Kind::Cookie: value = cookie(request, wanted.name); break;
  }
  if (value.empty()) return std::nullopt;
  return hash.of(value);
}

bool wants_body(const BalanceKey& wanted, const http::RequestHead& request) {
  return wanted.kind == Kind::Query && wanted.check_post &&
         request.method == http::Method::Post && request.framing != http::Framing::None &&
         parameter(query_of(request.path_query), wanted.name).empty();
}

}  // namespace hapair::exchange
