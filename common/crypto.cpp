#include "common/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdlib>

namespace hapair {
namespace {

using Digest = std::array<unsigned char, 32>;

// Equal lengths for the comparison, whatever the lengths of the texts.
Digest sha256(std::string_view text) {
  Digest digest{};
  // Fails only without memory or with a library that is not what we linked.
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    std::abort();
  return digest;
}

}  // namespace

bool constant_time_equal(std::string_view a, std::string_view b) {
  const Digest left = sha256(a), right = sha256(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view text) {
  Digest digest{};
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
            nullptr))
    std::abort();  // as above
  return digest;
}

}  // namespace hapair
