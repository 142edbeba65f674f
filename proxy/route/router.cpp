#include "proxy/route/router.h"

#include <algorithm>
#include <string>

#include "common/text.h"
#include "proxy/route/target_path.h"
#include "proxy/route/values.h"

namespace hapair::route {
namespace {

using proxy::RouteCondition;
using proxy::RouteTest;
using proxy::TextPattern;
using On = RouteTest::Subject;

bool looks_at(const RouteCondition& condition, On subject) {
  return std::any_of(condition.all.begin(), condition.all.end(),
                     [&](const RouteTest& test) { return test.subject == subject; }) ||
         std::any_of(condition.none.begin(), condition.none.end(),
                     [&](const RouteCondition& inner) { return looks_at(inner, subject); });
}

/// Asks one request one question after another; what is costly to know is worked out once.
class Questioning {
 public:
  explicit Questioning(const Subject& subject) : subject_(subject) {}

  bool holds(const RouteCondition& condition) {
    return std::all_of(condition.all.begin(), condition.all.end(),
                       [this](const RouteTest& test) { return passes(test); }) &&
           std::none_of(condition.none.begin(), condition.none.end(),
                        [this](const RouteCondition& inner) { return holds(inner); });
  }

  /// A test could not be answered; what the others said is worth nothing.
  bool ambiguous_path() const { return path_ == Path::Ambiguous; }

 private:
  bool passes(const RouteTest& test) {
    switch (test.subject) {
      case On::Source: return in_network(test, *subject_.source);
      case On::SourcePort: return in_range(test, *subject_.source);
      case On::Destination: return in_network(test, *subject_.destination);
      case On::DestinationPort: return in_range(test, *subject_.destination);
      default: break;
    }
    const http::RequestHead& request = *subject_.request;
    switch (test.subject) {
      case On::Host: return any(test, host_name(request.host), Letters::Alike);
      case On::Path: return passes_path(test);
      case On::Method: return any(test, request.method_text);
      case On::Header:
        return passes_named(test, [&](auto use) {
          return any_header(request.fields, test.name, use);
        });
      case On::Cookie:
        return passes_named(test, [&](auto use) {
          return any_cookie(request.fields, test.name, use);
        });
      case On::Query:
        return passes_named(test, [&](auto use) {
          return any_query(request.path_query, test.name, use);
        });
      default: return false;  // answered above
    }
  }

  bool passes_path(const RouteTest& test) {
    if (path_ == Path::Unknown) {
      const auto normal = normal_path(subject_.request->path_query, buffer_);
      path_ = normal ? Path::Known : Path::Ambiguous;
      path_text_ = normal.value_or(std::string_view{});
    }
    return path_ == Path::Known && any(test, path_text_);
  }

  /// `each(use)` offers the values there are.
  template <typename Each>
  static bool passes_named(const RouteTest& test, Each each) {
    bool present = false;
    const bool passed = each([&](std::string_view value) {
      present = true;
      return any(test, value);
    });
    if (passed) return true;
    return !present && test.texts.front().kind == TextPattern::Kind::Absent;
  }

  static bool in_network(const RouteTest& test, const SocketAddress& address) {
    return std::any_of(test.networks.begin(), test.networks.end(),
                       [&](const Cidr& network) { return network.contains(address.ip); });
  }

  static bool in_range(const RouteTest& test, const SocketAddress& address) {
    return std::any_of(test.ports.begin(), test.ports.end(), [&](const proxy::PortRange& range) {
      return range.first <= address.port && address.port <= range.last;
    });
  }

  enum class Letters { Differ, Alike };
  static bool any(const RouteTest& test, std::string_view text, Letters letters = Letters::Differ) {
    return std::any_of(
        test.texts.begin(), test.texts.end(),
        [&](const TextPattern& pattern) { return fits(pattern, text, letters); });
  }

  static bool fits(const TextPattern& pattern, std::string_view text, Letters letters) {
    const auto same = [&](std::string_view part) {
      return letters == Letters::Alike ? iequals(part, pattern.text) : part == pattern.text;
    };
    const std::size_t size = pattern.text.size();
    switch (pattern.kind) {
      case TextPattern::Kind::Exact: return same(text);
      case TextPattern::Kind::Prefix: return text.size() >= size && same(text.substr(0, size));
      case TextPattern::Kind::Suffix:
        return text.size() >= size && same(text.substr(text.size() - size));
      case TextPattern::Kind::Contains: return text.find(pattern.text) != text.npos;
      case TextPattern::Kind::Regex: return pattern.regex->matches(text);
      case TextPattern::Kind::Present: return true;
      case TextPattern::Kind::Absent: return false;
    }
    return false;
  }

  enum class Path { Unknown, Known, Ambiguous };
  const Subject& subject_;
  Path path_ = Path::Unknown;
  std::string_view path_text_;
  std::string buffer_;
};

}  // namespace

Router::Router(std::span<const proxy::Route> routes) : routes_(routes) {
  for (const proxy::Route& route : routes_)
    for (const RouteCondition& condition : route.when)
      needs_destination_ = needs_destination_ || looks_at(condition, On::Destination) ||
                           looks_at(condition, On::DestinationPort);
}

Verdict Router::choose(const Subject& subject) const {
  Questioning questioning(subject);
  for (const proxy::Route& route : routes_) {
    const bool matches = route.when.empty() ||
                         std::any_of(route.when.begin(), route.when.end(),
                                     [&](const auto& when) { return questioning.holds(when); });
    if (questioning.ambiguous_path()) return {nullptr, true};
    if (matches) return {&route, false};
  }
  return {};
}

}  // namespace hapair::route
