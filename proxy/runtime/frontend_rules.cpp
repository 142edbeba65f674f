#include "proxy/runtime/frontend_rules.h"

#include <algorithm>
#include <utility>

#include "proxy/exchange/redirect.h"
#include "proxy/runtime/snapshot.h"

namespace hapair::proxy {
namespace {

bool fails(const Monitor& monitor, const Snapshot& snapshot) {
  return std::any_of(monitor.fail.begin(), monitor.fail.end(), [&](const Monitor::Failure& failure) {
    const BackendState& backend =
        *snapshot.backends[static_cast<std::size_t>(failure.of.backend)];
    return balance::usable_servers(backend.farm) < failure.fewer_than;
  });
}

Decision error_page(int status, exchange::Termination why) {
  return {.kind = Decision::Kind::ErrorPage, .status = status, .why = why};
}

}  // namespace

FrontendRules::FrontendRules(const Frontend& frontend)
    : config_(frontend),
      router_(frontend.routes),
      error_pages_(frontend.error_files),
      any_(!frontend.routes.empty() || frontend.monitor) {
  for (const Route& route : frontend.routes) {
    const auto* fixed = std::get_if<FixedAnswer>(&route.action);
    pages_.emplace_back(fixed ? *fixed : FixedAnswer{});
  }
}

Decision FrontendRules::decide(const route::Subject& subject, exchange::AnswerShape shape,
                               const Snapshot& snapshot) const {
  if (config_.monitor && subject.request->path_query == config_.monitor->uri) {
    Decision out = error_page(fails(*config_.monitor, snapshot) ? 503 : 200, {'L', 'R'});
    out.monitor = true;
    return out;
  }
  const route::Verdict verdict = router_.choose(subject);
  if (verdict.ambiguous_path) return error_page(400, {'P', 'R'});
  Decision out{.backend = config_.default_backend};
  if (verdict.route) follow(*verdict.route, subject, shape, out);
  return out;
}

void FrontendRules::follow(const Route& route, const route::Subject& subject,
                           exchange::AnswerShape shape, Decision& out) const {
  if (const auto* use = std::get_if<UseBackend>(&route.action)) {
    out.backend = use->backend;
  } else if (const auto* deny = std::get_if<Deny>(&route.action)) {
    out = error_page(deny->status, {'P', 'R'});
    out.denied = true;
  } else if (const auto* redirect = std::get_if<Redirect>(&route.action)) {
    auto made = exchange::redirect(*redirect, *subject.request, shape);
    if (!made) {
      out = error_page(400, {'P', 'R'});
      return;
    }
    out.kind = Decision::Kind::Response;
    out.status = redirect->status;
    out.why = {'L', 'R'};
    out.made = *std::move(made);
  } else {
    const exchange::Page& page =
        pages_[static_cast<std::size_t>(&route - config_.routes.data())];
    out.kind = Decision::Kind::Response;
    out.status = page.status();
    out.why = {'L', 'R'};
    out.bytes = page.bytes(shape);
  }
}

}  // namespace hapair::proxy
