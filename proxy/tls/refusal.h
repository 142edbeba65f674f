// Why a certificate is not believed, in words for the person who must mend it.
#pragma once

#include <string>

struct x509_store_ctx_st;

namespace hapair::tls {

/// `wanted` is the name or the address that was asked for. Text that stands in the certificate is
/// whatever its maker chose.
std::string refusal_of(x509_store_ctx_st* judged, const std::string& wanted);

}  // namespace hapair::tls
