// One end of a TLS connection: bytes of the wire in and out, clear text out and in.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/address.h"
#include "proxy/tls/identity.h"
#include "proxy/tls/trust.h"

struct ssl_st;
struct x509_store_ctx_st;

namespace hapair::tls {

/// Whom a client wants to talk to.
struct Peer {
  std::string name;   // asked for (SNI), and what the certificate must be for; empty: `address`
  IpAddress address;  // asked for nowhere
};

/// Owns no socket and has no timer: the owner carries the bytes and keeps the time. OpenSSL draws the
/// random numbers, and holds certificates against the time of day. One thread at a time.
class Engine {
 public:
  /// A client, whose first words are in outgoing() at once.
  Engine(const Trust& trust, Peer peer);
  /// A server.
  explicit Engine(const Identity& identity);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Takes bytes from the peer, cut anywhere.
  void receive(std::string_view bytes);

  enum class Event : std::uint8_t {
    Hungry,       // nothing without more bytes from the peer
    Established,  // once: from now on either may say something
    Text,         // text() is what the peer said
    Closed,       // the peer has said all it had to say; not before Established
    Failed,       // nothing more will come of it: failure() says why
  };
  /// What follows from the bytes received. Call it until it is Hungry, Closed or Failed; it stays so
  /// till more bytes come. `room`, not empty, is where text goes: who has no room to spare does not
  /// call, which is backpressure. Whatever the event, look at outgoing() after it.
  Event next(std::span<char> room);
  /// Of the last event Text; stands in the room that was given.
  std::string_view text() const { return text_; }
  /// Why it failed, for people; of a certificate, what is wrong with it. It may hold bytes that the
  /// peer chose.
  const std::string& failure() const { return failure_; }
  bool established() const { return stage_ == Stage::Open; }

  /// Says `text`, of any length, to the peer. Only when established().
  void send(std::string_view text);
  /// Tells the peer that we have said everything. Only when established().
  void close();

  /// What is to be carried to the peer, which may be an alert when we failed. Valid until the next
  /// call of anything that is not const.
  std::string_view outgoing() const;
  /// So many bytes of outgoing() have been carried.
  void sent(std::size_t bytes);

 private:
  enum class Stage : std::uint8_t { Handshake, Open, Failed };
  struct Free {
    void operator()(ssl_st* connection) const;
  };

  Engine(ssl_st* connection, Peer peer);
  Event failed(int answer);
  static int on_certificate(int good, x509_store_ctx_st* judged) noexcept;

  const Peer peer_;
  std::unique_ptr<ssl_st, Free> connection_;
  Stage stage_ = Stage::Handshake;
  std::string_view text_;
  std::string failure_;
};

}  // namespace hapair::tls
