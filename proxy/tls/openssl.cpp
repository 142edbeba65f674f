#include "proxy/tls/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstdlib>

namespace hapair::tls {

BioPtr reader_of(std::string_view bytes) {
  BioPtr reader(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  if (!reader) std::abort();  // no memory
  return reader;
}

std::string library_words() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* words = ERR_reason_error_string(error);
  return words ? words : fmt::format("error {:x}", error);
}

Result<std::vector<X509Ptr>> read_certificates(std::string_view pem) {
  const BioPtr reader = reader_of(pem);
  std::vector<X509Ptr> out;
  ERR_clear_error();
  while (X509* next = PEM_read_bio_X509_AUX(reader.get(), nullptr, nullptr, nullptr))
    out.emplace_back(next);
  const unsigned long error = ERR_peek_last_error();
  const bool at_the_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_the_end)
    return fail(Errc::Syntax, "certificate {} cannot be read: {}", out.size() + 1, library_words());
  ERR_clear_error();
  if (out.empty()) return fail(Errc::Syntax, "there is no certificate (-----BEGIN CERTIFICATE-----)");
  return out;
}

std::shared_ptr<SSL_CTX> make_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) std::abort();  // no memory, or a library that is not what we linked
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  // A resumed session shows no certificate: one that has expired meanwhile would not be seen.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // What is idle holds no buffer.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace hapair::tls
