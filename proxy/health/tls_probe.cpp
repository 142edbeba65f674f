#include "proxy/health/tls_probe.h"

#include <array>
#include <system_error>

namespace hapair::health {

Conversation::Turn TlsProbe::begin() {
  engine_.emplace(*trust_, peer_);
  return go_on();
}

Conversation::Turn TlsProbe::on_bytes(std::string_view bytes) {
  engine_->sent(engine_->outgoing().size());  // with the turn before
  engine_->receive(bytes);
  return go_on();
}

Conversation::Turn TlsProbe::go_on() {
  std::array<char, 4096> room;
  for (;;) {
    Turn turn;
    switch (engine_->next(room)) {
      using enum tls::Engine::Event;
      case Hungry: return {.send = engine_->outgoing(), .verdict = {}};
      case Established:
        if (inner_)
          turn = inner_->begin();
        else
          turn.verdict = ProbeResult{.status = ProbeStatus::L6Ok};
        break;
      case Text: turn = inner_->on_bytes(engine_->text()); break;
      case Closed: turn.verdict = inner_->on_end(0); break;
      case Failed:
        return {.send = engine_->outgoing(),
                .verdict = ProbeResult{.status = ProbeStatus::L6Invalid, .info = engine_->failure()}};
    }
    engine_->send(turn.send);
    if (turn.verdict) {
      engine_->close();
      return {.send = engine_->outgoing(), .verdict = std::move(turn.verdict)};
    }
  }
}

ProbeResult TlsProbe::on_end(int error_number) {
  if (engine_ && engine_->established()) return inner_->on_end(error_number);
  return {.status = ProbeStatus::L6Invalid,
          .info = error_number != 0 ? std::generic_category().message(error_number)
                                    : "the other side closed during the handshake"};
}

ProbeResult TlsProbe::on_timeout() const {
  if (engine_->established()) return inner_->on_timeout();
  return {.status = ProbeStatus::L6Timeout};
}

}  // namespace hapair::health
