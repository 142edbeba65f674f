#include "vrrp/net/nftables.h"

#include <nftables/libnftables.h>

#include <algorithm>
#include <memory>

namespace hapair::vrrp {
namespace {

struct Freer {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

}  // namespace

Result<void> run_nft(const std::string& commands) {
  const std::unique_ptr<nft_ctx, Freer> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context) return fail(Errc::System, "cannot reach the packet filter");
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) return {};
  // The first line of what it says; the rest repeats the commands.
  std::string why = nft_ctx_get_error_buffer(context.get());
  why.resize(std::min(why.find('\n'), why.size()));
  return fail(Errc::Unsupported, "the packet filter refuses: {}", why.empty() ? "no reason given" : why);
}

}  // namespace hapair::vrrp
