#include "proxy/runtime/make_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "proxy/health/http_probe.h"
#include "proxy/health/ldap_probe.h"
#include "proxy/health/mysql_probe.h"
#include "proxy/health/postgresql_probe.h"
#include "proxy/health/redis_probe.h"
#include "proxy/health/script_probe.h"
#include "proxy/health/smtp_probe.h"
#include "proxy/health/tls_probe.h"

namespace hapair::proxy {
namespace {

std::optional<Regex> compiled(const std::optional<std::string>& pattern) {
  if (!pattern) return std::nullopt;
  return *Regex::compile(*pattern);  // the loader has tried it
}

health::HttpExpect expectation(const CheckExpect& expect) {
  health::HttpExpect out{.status = expect.status,
                         .headers = {},
                         .body = expect.body,
                         .body_pattern = compiled(expect.body_pattern)};
  for (const CheckExpect::Header& header : expect.headers)
    out.headers.push_back({.name = header.name,
                           .value = header.value.value_or(""),
                           .pattern = compiled(header.pattern),
                           .any_value = !header.value && !header.pattern});
  return out;
}

std::vector<health::ScriptStep> script(const std::vector<CheckStep>& steps) {
  std::vector<health::ScriptStep> out;
  for (const CheckStep& step : steps) {
    health::ScriptStep next{.kind = static_cast<health::ScriptStep::Kind>(step.kind),
                            .bytes = step.bytes,
                            .pattern = {},
                            .reject = step.reject,
                            .binary = step.binary};
    if (step.kind == CheckStep::Kind::ExpectPattern) next.pattern = compiled(step.bytes);
    out.push_back(std::move(next));
  }
  return out;
}

bool is_named(std::string_view name, std::string_view wanted) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(name.begin(), name.end(), wanted.begin(), wanted.end(),
                    [lower](char a, char b) { return lower(a) == b; });
}

}  // namespace

std::string http_request(const Check& check, const std::string& host, const std::string& state) {
  std::string request = fmt::format("{} {} {}\r\n", check.method, check.target, check.version);
  auto out = std::back_inserter(request);
  const bool has_host = std::any_of(check.headers.begin(), check.headers.end(),
                                    [](const auto& field) { return is_named(field.first, "host"); });
  if (check.version == "HTTP/1.1" && !has_host) fmt::format_to(out, "Host: {}\r\n", host);
  for (const auto& [name, value] : check.headers) fmt::format_to(out, "{}: {}\r\n", name, value);
  if (!state.empty()) fmt::format_to(out, "X-Haproxy-Server-State: {}\r\n", state);
  if (!check.body.empty()) fmt::format_to(out, "Content-Length: {}\r\n", check.body.size());
  if (check.version == "HTTP/1.1") request += "Connection: close\r\n";
  return request.append("\r\n").append(check.body);
}

std::unique_ptr<health::Conversation> make_probe(const Check& check, const std::string& host) {
  using Type = Check::Type;
  switch (check.type) {
    case Type::Tcp:
    case Type::Command: return nullptr;
    case Type::Http:
      return std::make_unique<health::HttpProbe>(
          http_request(check, host, {}),
          health::HttpProbe::Settings{.must = expectation(check.expect),
                                      .must_not = expectation(check.expect_not),
                                      .head_only = check.method == "HEAD"});
    case Type::Script: return std::make_unique<health::ScriptProbe>(script(check.steps));
    case Type::Redis: return std::make_unique<health::RedisProbe>();
    case Type::Mysql: return std::make_unique<health::MysqlProbe>(check.user);
    case Type::Postgresql: return std::make_unique<health::PostgresqlProbe>(check.user);
    case Type::Smtp: return std::make_unique<health::SmtpProbe>(check.hello);
    case Type::Ldap: return std::make_unique<health::LdapProbe>();
  }
  return nullptr;
}

std::unique_ptr<health::Conversation> within_tls(const Check& check, const IpAddress& address,
                                                 std::unique_ptr<health::Conversation> probe) {
  if (!check.tls) return probe;
  return std::make_unique<health::TlsProbe>(
      check.tls->trust, tls::Peer{.name = check.tls->server_name, .address = address}, std::move(probe));
}

}  // namespace hapair::proxy
