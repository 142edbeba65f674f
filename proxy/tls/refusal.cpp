#include "proxy/tls/refusal.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "common/address.h"
#include "proxy/tls/openssl.h"

namespace hapair::tls {
namespace {

// Of what a certificate says; more is no help.
constexpr std::size_t kLongestName = 80;
constexpr std::size_t kMostNames = 4;

std::string to_utf8(const ASN1_STRING* string) {
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, string);
  if (length < 0) return {};
  std::string out(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  if (out.size() > kLongestName) out.resize(kLongestName);
  return out;
}

/// The common name, or the organisation's.
std::string name_of(const X509_NAME* name) {
  for (const int kind : {NID_commonName, NID_organizationName}) {
    const int at = X509_NAME_get_index_by_NID(name, kind, -1);
    if (at < 0) continue;
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    if (std::string text = to_utf8(value); !text.empty()) return text;
  }
  return "nobody";
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  const unsigned char* data = ASN1_STRING_get0_data(bytes);
  const int length = ASN1_STRING_length(bytes);
  if (length == 4)
    return IpAddress::v4(static_cast<std::uint32_t>(data[0]) << 24 | static_cast<std::uint32_t>(data[1]) << 16 |
                         static_cast<std::uint32_t>(data[2]) << 8 | data[3])
        .to_string();
  if (length != 16) return {};
  std::array<std::uint8_t, 16> address;
  std::copy_n(data, 16, address.begin());
  return IpAddress::v6(address).to_string();
}

/// Whom the certificate is for: "two.test, *.lab.test".
std::string bearers(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string out;
  std::size_t listed = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const std::string text = name->type == GEN_DNS     ? to_utf8(name->d.dNSName)
                             : name->type == GEN_IPADD ? address_of(name->d.iPAddress)
                                                       : std::string();
    if (text.empty()) continue;
    if (listed == kMostNames) return out + " …";
    out += (listed++ == 0 ? "" : ", ") + text;
  }
  return out.empty() ? name_of(X509_get_subject_name(certificate)) : out;
}

/// "2026-11-26 13:43 UTC"
std::string date_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a date that is none";
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

}  // namespace

std::string refusal_of(X509_STORE_CTX* judged, const std::string& wanted) {
  const int error = X509_STORE_CTX_get_error(judged);
  const X509* certificate = X509_STORE_CTX_get_current_cert(judged);
  if (!certificate) return X509_verify_cert_error_string(error);
  const std::string subject = name_of(X509_get_subject_name(certificate));
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("the certificate of {} expired on {}", subject,
                         date_of(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("the certificate of {} is not valid before {}", subject,
                         date_of(X509_get0_notBefore(certificate)));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("the certificate is not for {} but for {}", wanted, bearers(certificate));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return fmt::format("the certificate of {} is signed by itself", subject);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return fmt::format("the certificate is of an unknown authority, {}", subject);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fmt::format("the certificate of {} is of an unknown authority, {}", subject,
                         name_of(X509_get_issuer_name(certificate)));
    default:
      return fmt::format("the certificate of {}: {}", subject, X509_verify_cert_error_string(error));
  }
}

}  // namespace hapair::tls
