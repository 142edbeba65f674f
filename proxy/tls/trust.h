// Whom a client believes when a server says who it is.
#pragma once

#include <memory>
#include <string_view>

#include "common/error.h"

struct ssl_ctx_st;

namespace hapair::tls {

/// Immutable; shared by the connections of all threads.
class Trust {
 public:
  /// The authorities of a PEM bundle. The same text is the same object for as long as somebody keeps
  /// it, so that a file that many name is there once. An error names what is not a certificate.
  static Result<std::shared_ptr<const Trust>> of(std::string_view pem);
  /// Anybody is believed, and no certificate is looked at.
  static std::shared_ptr<const Trust> everybody();

  bool looks_at_certificates() const { return looks_; }

 private:
  friend class Engine;
  Trust(std::shared_ptr<ssl_ctx_st> context, bool looks) : context_(std::move(context)), looks_(looks) {}

  std::shared_ptr<ssl_ctx_st> context_;
  bool looks_;
};

}  // namespace hapair::tls
