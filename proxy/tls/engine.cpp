#include "proxy/tls/engine.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "proxy/tls/openssl.h"
#include "proxy/tls/refusal.h"

namespace hapair::tls {
namespace {

/// What the library has to say of the operation that failed.
std::string failure_words() {
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    if (reason == SSL_R_WRONG_VERSION_NUMBER) {
      ERR_clear_error();
      return "the other side does not speak TLS";
    }
    if (reason > SSL_AD_REASON_OFFSET) {
      ERR_clear_error();
      return fmt::format("the other side refused: {}", SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    }
  }
  return library_words();
}

}  // namespace

void Engine::Free::operator()(SSL* connection) const { SSL_free(connection); }

Engine::Engine(SSL* connection, Peer peer) : peer_(std::move(peer)), connection_(connection) {
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  if (!connection || !in || !out) std::abort();  // no memory
  SSL_set_bio(connection, in, out);              // which owns them from now on
  SSL_set_app_data(connection, this);
}

Engine::Engine(const Trust& trust, Peer peer) : Engine(SSL_new(trust.context_.get()), std::move(peer)) {
  SSL* connection = connection_.get();
  SSL_set_connect_state(connection);
  bool good = true;
  if (!peer_.name.empty()) good = SSL_set_tlsext_host_name(connection, peer_.name.c_str()) == 1;
  if (trust.looks_) {
    SSL_set_verify(connection, SSL_VERIFY_PEER, &on_certificate);
    SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!peer_.name.empty())
      good = good && SSL_set1_host(connection, peer_.name.c_str()) == 1;
    else
      good = good && X509_VERIFY_PARAM_set1_ip(SSL_get0_param(connection), peer_.address.data(),
                                               peer_.address.size()) == 1;
  }
  if (!good) std::abort();  // no memory, or a name that is none
  SSL_do_handshake(connection);
}

Engine::Engine(const Identity& identity) : Engine(SSL_new(identity.context_.get()), Peer{}) {
  SSL_set_accept_state(connection_.get());
}

Engine::~Engine() = default;

int Engine::on_certificate(int good, X509_STORE_CTX* judged) noexcept {
  if (good == 1) return 1;
  const auto* connection = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(judged, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* engine = static_cast<Engine*>(SSL_get_app_data(connection));
  const Peer& peer = engine->peer_;
  engine->failure_ = refusal_of(judged, peer.name.empty() ? peer.address.to_string() : peer.name);
  return 0;
}

void Engine::receive(std::string_view bytes) {
  const int size = static_cast<int>(bytes.size());
  // A BIO of memory takes everything.
  if (BIO_write(SSL_get_rbio(connection_.get()), bytes.data(), size) != size && size != 0) std::abort();
}

Engine::Event Engine::next(std::span<char> room) {
  if (stage_ == Stage::Failed) return Event::Failed;
  ERR_clear_error();
  if (stage_ == Stage::Handshake) {
    const int answer = SSL_do_handshake(connection_.get());
    if (answer != 1) return failed(answer);
    stage_ = Stage::Open;
    return Event::Established;
  }
  std::size_t size = 0;
  const int answer = SSL_read_ex(connection_.get(), room.data(), room.size(), &size);
  if (answer != 1) return failed(answer);
  text_ = {room.data(), size};
  return Event::Text;
}

Engine::Event Engine::failed(int answer) {
  switch (SSL_get_error(connection_.get(), answer)) {
    case SSL_ERROR_WANT_READ: return Event::Hungry;
    case SSL_ERROR_ZERO_RETURN:
      if (stage_ == Stage::Open) return Event::Closed;
      failure_ = "the other side closed during the handshake";
      break;
    default: break;
  }
  stage_ = Stage::Failed;
  if (failure_.empty()) failure_ = failure_words();
  ERR_clear_error();
  return Event::Failed;
}

void Engine::send(std::string_view text) {
  std::size_t written = 0;
  // Into memory: whole, or the connection is broken, which next() will say.
  if (!text.empty() && SSL_write_ex(connection_.get(), text.data(), text.size(), &written) != 1) failed(0);
}

void Engine::close() { SSL_shutdown(connection_.get()); }

std::string_view Engine::outgoing() const {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(connection_.get()), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

void Engine::sent(std::size_t bytes) {
  BIO* out = SSL_get_wbio(connection_.get());
  if (bytes >= outgoing().size()) return static_cast<void>(BIO_reset(out));
  std::array<char, 4096> gone;
  while (bytes > 0) {
    const int taken = BIO_read(out, gone.data(), static_cast<int>(std::min(bytes, gone.size())));
    if (taken <= 0) return;
    bytes -= static_cast<std::size_t>(taken);
  }
}

}  // namespace hapair::tls
