#include "proxy/config/full_load.h"

#include <algorithm>

namespace hapair::proxy {

bool leads_to(const Frontend& frontend, unsigned backend) {
  const int index = static_cast<int>(backend);
  return frontend.default_backend == index ||
         std::any_of(frontend.routes.begin(), frontend.routes.end(), [&](const Route& route) {
           const auto* use = std::get_if<UseBackend>(&route.action);
           return use && use->backend == index;
         });
}

unsigned full_load(const Config& config, unsigned backend, unsigned maxconn) {
  if (const unsigned own = config.backends[backend].full_conn; own > 0) return own;
  std::uint64_t clients = 0;
  for (const Frontend& frontend : config.frontends)
    if (leads_to(frontend, backend)) clients += frontend.maxconn > 0 ? frontend.maxconn : maxconn;
  return static_cast<unsigned>(std::clamp<std::uint64_t>(clients / 10, 1, 100'000'000));
}

}  // namespace hapair::proxy
