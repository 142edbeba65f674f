#include "proxy/tls/trust.h"

#include <map>
#include <mutex>
#include <string>

#include "proxy/tls/openssl.h"

namespace hapair::tls {

Result<std::shared_ptr<const Trust>> Trust::of(std::string_view pem) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const Trust>, std::less<>> known;
  const std::lock_guard lock(mutex);
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = known.find(pem); found != known.end())
    if (auto trust = found->second.lock()) return trust;

  auto certificates = read_certificates(pem);
  if (!certificates) return tl::make_unexpected(certificates.error());
  auto context = make_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  X509_STORE* store = SSL_CTX_get_cert_store(context.get());
  for (const X509Ptr& certificate : *certificates)
    if (X509_STORE_add_cert(store, certificate.get()) != 1)
      return fail(Errc::Syntax, "a certificate cannot be believed: {}", library_words());
  std::shared_ptr<const Trust> trust(new Trust(std::move(context), true));
  known.emplace(pem, trust);
  return trust;
}

std::shared_ptr<const Trust> Trust::everybody() {
  static const std::shared_ptr<const Trust> one(new Trust(make_context(TLS_client_method()), false));
  return one;
}

}  // namespace hapair::tls
