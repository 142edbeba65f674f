// The kernel's packet filter.
#pragma once

#include <memory>
#include <string>

#include "common/error.h"

struct nft_ctx;

namespace hapair::vrrp {

/// Blocks while the kernel works, which is longer than a turn of the loop may take: on another thread. One
/// at a time may use it. Needs CAP_NET_ADMIN.
class PacketFilter {
 public:
  static Result<PacketFilter> open();

  /// Carries out commands as nft(8) reads them, all or none. Tables with the flag `owner` are gone when
  /// this is, or its process.
  Result<void> run(const std::string& commands);

 private:
  struct Freer {
    void operator()(nft_ctx* context) const;
  };
  explicit PacketFilter(nft_ctx* context) : context_(context) {}

  std::unique_ptr<nft_ctx, Freer> context_;
};

/// The same for tables that stay.
Result<void> run_nft(const std::string& commands);

}  // namespace hapair::vrrp
