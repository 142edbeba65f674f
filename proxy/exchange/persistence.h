// What a cookie says about the server a visitor belongs to, and what the visitor is told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "proxy/balance/server.h"
#include "proxy/config/config.h"
#include "proxy/http/field_cuts.h"
#include "proxy/http/message.h"

namespace hapair::exchange {

/// What one request's cookies say. Views point into the request's head and into the Persistence.
struct Visit {
  void reset() {
    servers = {};
    letter = 'N';
    last = first = 0;
    cuts.clear();
  }

  std::span<const int> servers;  // those the cookie names, the first that is up is his; often none
  char letter = 'N';             // as Termination::cookie_in
  std::uint32_t last = 0;        // when the cookie was last seen and first given, in its own units
  std::uint32_t first = 0;       // of four seconds; 0: it did not say
  http::FieldCuts cuts;          // for the server's eyes
};

/// What one response says to the visitor.
struct Reminder {
  void reset() {
    letter = 'N';
    cuts.clear();
    size = 0;
  }

  char letter = 'N';     // as Termination::cookie_out
  http::FieldCuts cuts;  // views into the response's head and into the Persistence
  std::string_view added() const { return {lines.data(), size}; }

  // Whole lines, each with its CRLF.
  std::array<char, 2048> lines;
  std::size_t size = 0;
};

/// Both, of one exchange.
struct Stay {
  void reset() {
    visit.reset();
    reminder.reset();
  }

  Visit visit;
  Reminder reminder;
};

/// One backend's cookie. Immutable; any thread.
///
/// Behaviour and letters are HAProxy's, as observed from 2.6.12, with two exceptions that leave out
/// what nobody needs: with max_life alone a cookie is not given anew with every response, and a
/// server without a cookie removes one only from a visitor who has one.
class Persistence {
 public:
  Persistence(const proxy::CookiePersistence& settings, const std::vector<proxy::Server>& servers);

  /// Reads the request's cookies; `visit` is one that was just made or reset. `now`: for the cookie's age.
  void read(const http::RequestHead& request, const balance::Farm& farm, WallTime now,
            Visit& visit) const;

  /// How the visit is to be judged now that `server` (kNoServer: none) was chosen for it: one that
  /// belongs elsewhere was sent on because its own server is down.
  static char letter(const Visit& visit, int server);

  /// What the visitor is told with a response of `server`; whatever `reminder` said of another one
  /// is forgotten.
  void answer(const Visit& visit, int server, const http::RequestHead& request,
              const http::ResponseHead& response, WallTime now, Reminder& reminder) const;

  /// The server's part of the cookie; empty if it has none.
  std::string_view value(int server) const { return entries_[static_cast<std::size_t>(server)].value; }

 private:
  struct Entry {
    std::string value;
    std::string prefix;     // "S1~"
    std::string line_head;  // "set-cookie: SRV=S1"
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Named {
    char letter = 'I';
    std::span<const int> servers;
    std::uint32_t last = 0, first = 0;
  };

  Named look_up(std::string_view value, const balance::Farm& farm, WallTime now) const;
  bool is_too_old(std::uint32_t then, Duration limit, WallTime now) const;
  /// Also of one who has dates that are no longer asked for: he gets rid of them.
  bool wants_new_dates(const Visit& visit, WallTime now) const;
  void add_line(const Entry& entry, const Visit& visit, WallTime now, Reminder& reminder) const;

  const proxy::CookiePersistence& settings_;
  std::string line_tail_;  // "; path=/; HttpOnly"
  std::vector<Entry> entries_;  // by server
  std::unordered_map<std::string, std::vector<int>, TextHash, std::equal_to<>> by_value_;
};

/// Five letters for a moment, as HAProxy writes them behind a cookie's value: base64 digits of
/// units of four seconds, rounded up. And back; 0 if it is none.
std::uint32_t cookie_date(WallTime moment);
std::array<char, 5> encode_cookie_date(std::uint32_t date);
std::uint32_t decode_cookie_date(std::string_view text);

}  // namespace hapair::exchange
