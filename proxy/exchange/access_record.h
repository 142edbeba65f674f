// What the access log says about one request (HTTP) or connection (TCP), and HAProxy's way to write
// it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/address.h"
#include "common/clock.h"

namespace hapair::exchange {

class CapturedFields;

/// The four letters of HAProxy's termination state; '-' where nothing is to be said.
struct Termination {
  char cause = '-';       // C client, S server, P proxy, L local, R resource, c/s timeouts …
  char phase = '-';       // R request, Q queue, C connect, H headers, D data, L last …
  char cookie_in = '-';   // N none, I invalid, D server down, V valid …
  char cookie_out = '-';  // N none, I inserted, P passed, R rewritten …
};

/// Views must live until the line is written. Points in time that were not reached stay kNever.
struct AccessRecord {
  SocketAddress client;
  // Of the next four only what the frontend's format asks for.
  const SocketAddress* destination = nullptr;  // where the client connected to
  const SocketAddress* source = nullptr;       // our end of the last connection to a server
  std::uint64_t number = 0;                    // in the process, from 0
  std::uint64_t line_number = 0;               // in the frontend's log, likewise
  WallTime date{};                             // http: first byte of the request; tcp: accept
  std::string_view frontend;
  std::string_view backend;                       // the frontend's name when none was chosen
  std::string_view server;                        // empty: <NOSRV>; our own answers say "<STATS>"
  const SocketAddress* server_address = nullptr;  // null: no server, or a Unix socket

  TimePoint idle_since = kNever;  // http: accepted, or the answer before was complete
  TimePoint start = kNever;       // http: first byte of the request; tcp: accept
  TimePoint received = kNever;    // the request head is complete (tcp: leave it)
  TimePoint dequeued = kNever;    // the last server was chosen, or it gave up waiting (sQ, CQ)
  TimePoint connected = kNever;   // to the server, or took an idle connection
  TimePoint answered = kNever;    // the response head is complete
  TimePoint end = kNever;         // last byte to the client

  int status = -1;  // as sent to the client
  Termination termination;
  std::uint64_t bytes_out = 0;  // to the client, headers included, as on the wire
  std::uint64_t bytes_in = 0;   // from the client: what of the request went to a server

  // Values when the line is written.
  std::uint32_t process_connections = 0;   // actconn
  std::uint32_t frontend_connections = 0;  // feconn
  std::uint32_t backend_connections = 0;   // beconn
  std::uint32_t server_connections = 0;    // srv_conn
  std::uint32_t retries = 0;
  bool redispatched = false;       // "+" before retries
  std::uint32_t server_queue = 0;  // place in the queue, from 1; 0: did not wait
  std::uint32_t backend_queue = 0;

  std::string_view request_cookie;                   // captured, "NAME=VALUE"; empty: none
  std::string_view response_cookie;                  // likewise
  const CapturedFields* request_captures = nullptr;  // null: none
  const CapturedFields* response_captures = nullptr;
  std::string_view request_line;  // "GET / HTTP/1.1"; empty: <BADREQ>
};

/// "[21/Nov/2026:02:56:40.034]" in local time; made anew only when the second changes. One a
/// worker.
class AccessClock {
 public:
  /// Valid until the next call.
  std::string_view stamp(WallTime date);
  /// "2026-11-21T02:56:40.034+01:00", local time too. Valid until the next call.
  std::string_view iso(WallTime date);

 private:
  static constexpr std::size_t kMilliseconds = 22;  // where they stand in the text
  static constexpr std::size_t kIsoMilliseconds = 20;
  void renew(std::int64_t second);
  static int milliseconds_of(WallTime date);

  std::int64_t second_ = INT64_MIN;
  std::array<char, 26> text_{};
  std::array<char, 40> iso_{};
  std::size_t iso_size_ = 0;
};

/// Neither error nor timeout, retry or redispatch, and no response with a status of 500 or more:
/// what HAProxy's dontlog-normal leaves out.
bool went_well(const AccessRecord& record);

/// Bytes that a line of this record takes at most, if no more than `limit` bytes of the request
/// line are written.
std::size_t line_room(const AccessRecord& record, std::size_t limit);

/// Write a line without priority, tag or newline at `at`, where there must be that room, and answer
/// its end. Of the request line `limit` bytes at most: what a log takes no more of is not worth the
/// escaping.
char* put_httplog(char* at, const AccessRecord& record, AccessClock& clock, std::size_t limit);
char* put_tcplog(char* at, const AccessRecord& record, AccessClock& clock);

/// HAProxy's line, whatever the log format, for a connection that ends before it is anybody's:
/// "127.0.0.1:4711 [21/Nov/2026:02:56:40.034] http-in/1: why", with the number of the listener.
std::string refusal_line(const SocketAddress& client, std::string_view stamp,
                         std::string_view frontend, unsigned listener, std::string_view why);

/// Appends foreign text so that it cannot forge a line: control bytes, '"', '#' and everything that
/// is not ASCII become "#XX", as HAProxy writes them.
void append_escaped(std::string& out, std::string_view text);

}  // namespace hapair::exchange
