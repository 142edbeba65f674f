// A probe within TLS: the handshake, and then a conversation, if that is not all.
#pragma once

#include <memory>
#include <optional>

#include "proxy/health/conversation.h"
#include "proxy/tls/engine.h"

namespace hapair::health {

/// The handshake's verdicts are Layer 6, those of `inner` its own. Without `inner` the handshake is
/// the probe.
class TlsProbe final : public Conversation {
 public:
  TlsProbe(std::shared_ptr<const tls::Trust> trust, tls::Peer peer, std::unique_ptr<Conversation> inner)
      : trust_(std::move(trust)), peer_(std::move(peer)), inner_(std::move(inner)) {}

  Turn begin() override;
  Turn on_bytes(std::string_view bytes) override;
  ProbeResult on_end(int error_number) override;
  ProbeResult on_timeout() const override;

 private:
  Turn go_on();

  const std::shared_ptr<const tls::Trust> trust_;
  const tls::Peer peer_;
  const std::unique_ptr<Conversation> inner_;
  std::optional<tls::Engine> engine_;  // of the probe under way, or the last one
};

}  // namespace hapair::health
