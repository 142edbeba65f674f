#include "proxy/tls/identity.h"

#include <openssl/pem.h>

#include "proxy/tls/openssl.h"

namespace hapair::tls {

Result<std::shared_ptr<const Identity>> Identity::of(std::string_view certificates_pem,
                                                     std::string_view key_pem) {
  auto certificates = read_certificates(certificates_pem);
  if (!certificates) return tl::make_unexpected(certificates.error());
  const BioPtr reader = reader_of(key_pem);
  // Nobody is asked for a passphrase.
  const KeyPtr key(PEM_read_bio_PrivateKey(
      reader.get(), nullptr, [](char*, int, int, void*) noexcept { return -1; }, nullptr));
  if (!key) return fail(Errc::Syntax, "the key cannot be read: {}", library_words());
  auto context = make_context(TLS_server_method());
  if (SSL_CTX_use_certificate(context.get(), certificates->front().get()) != 1)
    return fail(Errc::Syntax, "the certificate cannot be used: {}", library_words());
  for (std::size_t i = 1; i < certificates->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context.get(), (*certificates)[i].get()) != 1)
      return fail(Errc::Syntax, "certificate {} cannot be used: {}", i + 1, library_words());
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
    return fail(Errc::Syntax, "the key is not the certificate's: {}", library_words());
  return std::shared_ptr<const Identity>(new Identity(std::move(context)));
}

}  // namespace hapair::tls
