// Certificates for tests: an authority, and what it issues.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include "proxy/tls/openssl.h"

namespace hapair::tls {

struct Pems {
  std::string certificate;
  std::string key;
};

/// Makes keys and certificates of its own; valid now unless a leaf says otherwise.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name) : key_(EVP_EC_gen("P-256")) {
    require(key_);
    certificate_ = make({.subject = name, .extensions = {{NID_basic_constraints, "critical,CA:TRUE"}}},
                        key_.get(), nullptr);
  }

  struct Extension {
    int nid;
    std::string value;
  };
  struct Wish {
    std::string subject;
    std::vector<Extension> extensions;  // names: {NID_subject_alt_name, "DNS:a.test,IP:10.0.0.1"}
    long from = -3600, until = 3600;    // seconds from now
  };
  Pems issue(const Wish& wish) const {
    const KeyPtr key(EVP_EC_gen("P-256"));
    require(key);
    return {pem(make(wish, key.get(), this).get()), pem(key.get())};
  }
  /// For `name` and nothing else.
  Pems issue_for(const std::string& name) const {
    return issue({.subject = name, .extensions = {{NID_subject_alt_name, "DNS:" + name}}});
  }
  Pems own() const { return {pem(certificate_.get()), pem(key_.get())}; }

 private:
  template <typename T>
  static void require(const T& made) {
    if (!made) std::abort();
  }

  X509Ptr make(const Wish& wish, EVP_PKEY* key, const TestAuthority* issuer) const {
    X509Ptr out(X509_new());
    X509_set_version(out.get(), X509_VERSION_3);
    static long serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(out.get()), wish.from);
    X509_gmtime_adj(X509_getm_notAfter(out.get()), wish.until);
    X509_NAME* subject = X509_get_subject_name(out.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.subject.data()),
                               static_cast<int>(wish.subject.size()), -1, 0);
    X509_set_issuer_name(out.get(), issuer ? X509_get_subject_name(issuer->certificate_.get()) : subject);
    X509_set_pubkey(out.get(), key);
    for (const Extension& extension : wish.extensions) {
      X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, nullptr, extension.nid, extension.value.c_str());
      require(made);
      X509_add_ext(out.get(), made, -1);
      X509_EXTENSION_free(made);
    }
    require(X509_sign(out.get(), issuer ? issuer->key_.get() : key, EVP_sha256()));
    return out;
  }

  template <typename T>
  static std::string pem(T* object) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    if constexpr (std::is_same_v<T, X509>)
      PEM_write_bio_X509(out.get(), object);
    else
      PEM_write_bio_PrivateKey(out.get(), object, nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

  KeyPtr key_;
  X509Ptr certificate_;
};

}  // namespace hapair::tls
