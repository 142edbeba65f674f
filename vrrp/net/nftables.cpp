#include "vrrp/net/nftables.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

/// The library's socket would go to every script that is started, and a table that belongs to it would
/// live as long as they do. It does not tell the number.
void keep_from_children() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const auto fd = parse_number<int>(entry.path().filename().string());
    int protocol = -1, domain = -1;
    socklen_t size = sizeof(int);
    if (fd && ::getsockopt(*fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK &&
        ::getsockopt(*fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == NETLINK_NETFILTER)
      ::fcntl(*fd, F_SETFD, FD_CLOEXEC);
  }
}

}  // namespace

void PacketFilter::Freer::operator()(nft_ctx* context) const { nft_ctx_free(context); }

Result<PacketFilter> PacketFilter::open() {
  PacketFilter out(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!out.context_) return fail(Errc::System, "cannot reach the packet filter");
  keep_from_children();
  nft_ctx_buffer_output(out.context_.get());
  nft_ctx_buffer_error(out.context_.get());
  return out;
}

Result<void> PacketFilter::run(const std::string& commands) {
  const bool done = nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0;
  // Asking empties it. The first line of what it says; the rest repeats the commands.
  std::string why = nft_ctx_get_error_buffer(context_.get());
  if (done) return {};
  why.resize(std::min(why.find('\n'), why.size()));
  return fail(Errc::Unsupported, "the packet filter refuses: {}", why.empty() ? "no reason given" : why);
}

Result<void> run_nft(const std::string& commands) {
  auto filter = PacketFilter::open();
  if (!filter) return tl::make_unexpected(filter.error());
  return filter->run(commands);
}

}  // namespace hapair::vrrp
