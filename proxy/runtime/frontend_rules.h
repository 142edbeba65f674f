// What a frontend decides about a request before it goes to a backend.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/exchange/access_record.h"
#include "proxy/exchange/page.h"
#include "proxy/http/message.h"
#include "proxy/route/router.h"

namespace hapair::proxy {

struct Snapshot;

/// What becomes of a request: it goes to a backend, or it is answered.
struct Decision {
  enum class Kind {
    Backend,    // to `backend`; -1: there is none
    ErrorPage,  // answered with the page of `status`
    Response,   // answered with a whole response
  };
  Kind kind = Kind::Backend;
  int backend = -1;
  int status = 0;
  exchange::Termination why;
  std::string made;        // a Response for this request alone; empty: `bytes`
  std::string_view bytes;  // a Response that stands in the configuration
  bool monitor = false;    // asked by a monitor: never logged
  bool denied = false;     // counts as a denied request

  std::string_view response() const { return made.empty() ? bytes : std::string_view(made); }
};

/// Made from the configuration, which must outlive it, when that comes into force. Immutable: any
/// thread may ask at any time.
class FrontendRules {
 public:
  explicit FrontendRules(const Frontend& frontend);

  /// There is something to ask; without, every request goes to the default backend.
  bool any() const { return any_; }
  bool needs_destination() const { return router_.needs_destination(); }
  Decision decide(const route::Subject& subject, exchange::AnswerShape shape,
                  const Snapshot& snapshot) const;

  const exchange::ErrorPages& error_pages() const { return error_pages_; }

 private:
  void follow(const Route& route, const route::Subject& subject, exchange::AnswerShape shape,
              Decision& out) const;

  const Frontend& config_;
  const route::Router router_;
  const exchange::ErrorPages error_pages_;
  std::vector<exchange::Page> pages_;  // one a route; those of other actions are never sent
  const bool any_;
};

}  // namespace hapair::proxy
