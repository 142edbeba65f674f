// Who a server says it is: its certificate, and the key that proves it.
#pragma once

#include <memory>
#include <string_view>

#include "common/error.h"

struct ssl_ctx_st;

namespace hapair::tls {

/// Immutable; shared by the connections of all threads.
class Identity {
 public:
  /// The certificate comes first in its PEM, those between it and the authority behind it.
  static Result<std::shared_ptr<const Identity>> of(std::string_view certificates_pem,
                                                    std::string_view key_pem);

 private:
  friend class Engine;
  explicit Identity(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace hapair::tls
