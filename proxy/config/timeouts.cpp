// Reads `timeout = { … }`.
#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

constexpr std::array<std::string_view, 4> kNotBuiltTimeouts = {"client_fin", "client_hs",
                                                               "server_fin", "tarpit"};

}  // namespace

void read_timeouts(TableReader& section, Timeouts& out) {
  auto table = section.table("timeout");
  if (!table) return;
  const auto read = [&table](std::string_view key, Duration& value) {
    if (const auto given = table->duration(key, Duration::zero(), kLongest)) value = *given;
  };
  read("connect", out.connect);
  read("client", out.client);
  read("server", out.server);
  read("http_request", out.http_request);
  read("http_keep_alive", out.http_keep_alive);
  read("queue", out.queue);
  read("check", out.check);
  read("tunnel", out.tunnel);
  refuse_not_built(*table, kNotBuiltTimeouts);
  table->finish();
}

}  // namespace hapair::proxy
