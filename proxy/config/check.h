// How the health of a server is found out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/clock.h"
#include "proxy/tls/trust.h"

namespace hapair::proxy {

/// What the answer to an HTTP check must say, or must not. Patterns have been tried and compile.
struct CheckExpect {
  struct Header {
    std::string name;
    std::optional<std::string> value;    // whole
    std::optional<std::string> pattern;  // with neither, that it is there is enough
    friend bool operator==(const Header&, const Header&) = default;
  };
  std::vector<std::pair<int, int>> status;  // ranges, any of them
  std::vector<Header> headers;              // all of them
  std::vector<std::string> body;            // any of them
  std::optional<std::string> body_pattern;

  friend bool operator==(const CheckExpect&, const CheckExpect&) = default;
};

struct CheckStep {
  enum class Kind : std::uint8_t { Send, Expect, ExpectPattern };
  Kind kind = Kind::Send;
  std::string bytes;  // or the pattern
  std::string reject;
  bool binary = false;

  friend bool operator==(const CheckStep&, const CheckStep&) = default;
};

/// The certificate must be for `server_name`, or for the address that is asked where there is none.
struct CheckTls {
  std::string server_name;
  std::shared_ptr<const tls::Trust> trust;  // never null; equal for equal authorities
  friend bool operator==(const CheckTls&, const CheckTls&) = default;
};

struct Check {
  enum class Type { Tcp, Http, Script, Redis, Mysql, Postgresql, Smtp, Ldap, Command };
  Type type = Type::Tcp;

  // Http
  std::string method = "OPTIONS";
  std::string target = "/";
  std::string version = "HTTP/1.0";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  CheckExpect expect, expect_not;
  bool disable_on_404 = false;  // 404 asks for no new work
  bool send_state = false;      // tells the server what we think of it

  std::vector<CheckStep> steps;      // Script
  std::string user;                  // Mysql, Postgresql
  std::string hello = "HELO localhost";  // Smtp
  std::vector<std::string> command;  // Command

  std::optional<CheckTls> tls;       // all but Mysql, Postgresql, Command
  std::optional<IpAddress> address;  // where to ask, if not where the traffic goes
  std::uint16_t port = 0;            // 0: the server's
  Duration interval = std::chrono::seconds(2);
  Duration fast_interval{};  // while changing state; zero: interval
  Duration down_interval{};  // while down; zero: interval
  Duration timeout{};        // of a whole probe; zero: the backend's timeout.check, then interval
  int spread = 0;            // percent by which intervals vary, both ways; 0..50
  int rise = 2;              // passes in a row that bring it up
  int fall = 3;              // failures in a row that take it down
  bool initially_up = false;  // takes traffic before its first probe; one failure takes it down

  friend bool operator==(const Check&, const Check&) = default;
};

/// What live traffic says of a server that is checked.
struct Observe {
  enum class Layer : std::uint8_t {
    None,
    Four,   // whether connections come about
    Seven,  // and how requests are answered
  };
  enum class OnError : std::uint8_t {
    ProbeSooner,  // after the check's fast_interval
    FailCheck,    // as one failed probe
    SuddenDeath,  // the next failure takes it down
    MarkDown,     // at once
  };
  Layer layer = Layer::None;
  unsigned error_limit = 10;  // errors in a row
  OnError on_error = OnError::FailCheck;

  friend bool operator==(const Observe&, const Observe&) = default;
};

/// A program beside the server that says how much work it wants.
struct AgentCheck {
  std::uint16_t port = 0;
  std::optional<IpAddress> address;
  std::string send;
  Duration interval = std::chrono::seconds(2);
  Duration timeout{};  // zero: interval

  friend bool operator==(const AgentCheck&, const AgentCheck&) = default;
};

}  // namespace hapair::proxy
