// What the sources of this folder share of OpenSSL's objects: their owners, and their PEM.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace hapair::tls {

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* object) const noexcept {
    free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

/// A reader of `bytes`, which must outlive it.
BioPtr reader_of(std::string_view bytes);
/// What the library says of its first error since the queue was empty; empties the queue.
std::string library_words();
/// The certificates of a PEM text, at least one. What stands between them is not looked at.
Result<std::vector<X509Ptr>> read_certificates(std::string_view pem);
/// With what holds for every connection of ours: TLS 1.2 and above, no renegotiation, no sessions
/// kept.
std::shared_ptr<SSL_CTX> make_context(const SSL_METHOD* method);

}  // namespace hapair::tls
