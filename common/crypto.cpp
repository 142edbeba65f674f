#include "common/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

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

template <std::size_t size>
std::array<std::uint8_t, size> hmac(const EVP_MD* hash, std::string_view key,
                                    std::string_view text) {
  std::array<std::uint8_t, size> digest{};
  if (!HMAC(hash, key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
            nullptr))
    std::abort();  // as above
  return digest;
}

}  // namespace

bool constant_time_equal(std::string_view a, std::string_view b) {
  const Digest left = sha256(a), right = sha256(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view text) {
  return hmac<32>(EVP_sha256(), key, text);
}

std::array<std::uint8_t, 16> hmac_md5(std::string_view key, std::string_view text) {
  return hmac<16>(EVP_md5(), key, text);
}

void fill_randomly(std::span<std::uint8_t> bytes) {
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    std::abort();  // the kernel gives no randomness: no secret may be made then
}

}  // namespace hapair
