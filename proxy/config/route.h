// Routes: which requests they mean, and what becomes of those.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/address.h"
#include "common/regex.h"
#include "proxy/config/fixed_answer.h"

namespace hapair::proxy {

/// What a text must be.
struct TextPattern {
  enum class Kind { Exact, Prefix, Suffix, Contains, Regex, Present, Absent };
  Kind kind = Kind::Exact;
  std::string text;            // in lower case for hosts
  std::optional<Regex> regex;  // of Kind::Regex
};

struct PortRange {
  std::uint16_t first = 0, last = 0;  // both count
};

/// One key of a `when` table: something of the request, and what it may be. Any one of the list
/// will do.
struct RouteTest {
  enum class Subject {
    Host,
    Path,  // normalised: proxy/route/target_path.h
    Method,
    Header,
    Cookie,
    Query,
    Source,
    SourcePort,
    Destination,
    DestinationPort,
  };
  Subject subject = Subject::Path;
  std::string name;  // of header, cookie, query parameter
  std::vector<TextPattern> texts;
  std::vector<Cidr> networks;
  std::vector<PortRange> ports;
};

/// A `when` table: all tests hold, and none of the tables under `not` does.
struct RouteCondition {
  std::vector<RouteTest> all;
  std::vector<RouteCondition> none;
};

struct UseBackend {
  std::string name;
  int backend = -1;  // index into Config::backends
};

struct Redirect {
  enum class Kind {
    Location,  // there
    Prefix,    // there, followed by the request's own path and query
    Scheme,    // the same host, path and query, by another scheme
  };
  Kind kind = Kind::Location;
  std::string text;
  int status = 302;
  bool drop_query = false;
  std::uint16_t port = 0;  // of Scheme; 0: the scheme's own
};

/// HTTP: an error page. TCP: the connection is closed.
struct Deny {
  int status = 403;
};

struct Route {
  std::vector<RouteCondition> when;  // any of them; empty: every request
  std::variant<UseBackend, Redirect, Deny, FixedAnswer> action;
};

/// A URI that tells whoever asks whether this frontend can serve.
struct Monitor {
  std::string uri;
  struct Failure {
    UseBackend of;
    unsigned fewer_than = 1;  // usable servers
  };
  std::vector<Failure> fail;  // any one of them: 503
};

}  // namespace hapair::proxy
