#include "vrrp/runtime/pair_channel.h"

#include <sys/epoll.h>

#include <utility>

#include "common/crypto.h"
#include "vrrp/runtime/drain.h"

namespace hapair::vrrp {
namespace {

Epoch new_epoch() {
  Epoch epoch{};
  fill_randomly(epoch);
  return epoch;
}

}  // namespace

Result<std::unique_ptr<PairChannel>> PairChannel::open(Loop& loop, const Settings& settings,
                                                       const KeyRing& keys, PairSpeaker& speaker) {
  auto socket = PairSocket::open(settings.own, settings.other, settings.port);
  if (!socket) return tl::make_unexpected(socket.error());
  return std::unique_ptr<PairChannel>(
      new PairChannel(loop, settings, keys, speaker, *std::move(socket)));
}

PairChannel::PairChannel(Loop& loop, const Settings& settings, const KeyRing& keys,
                         PairSpeaker& speaker, PairSocket socket)
    : loop_(loop),
      settings_(settings),
      speaker_(speaker),
      socket_(std::move(socket)),
      session_({.epoch = new_epoch(), .patience = settings.patience}, keys),
      timer_(loop, [this] { say(); }),
      silence_(loop, [this] { judge_silence(); }) {
  loop_.watch(socket_.fd(), *this, EPOLLIN);
  timer_.arm(loop_.now());
}

PairChannel::~PairChannel() { loop_.forget(socket_.fd(), *this); }

void PairChannel::change(Duration interval, Duration patience, const KeyRing& keys) {
  settings_.interval = interval;
  settings_.patience = patience;
  session_.change(patience, keys);
  if (alive_) silence_.arm(session_.deadline(loop_.now()));
  say_soon();
}

void PairChannel::say() {
  timer_.arm(loop_.now() + settings_.interval);
  if (!muted_) socket_.send(session_.say(encode(speaker_.compose())));
}

void PairChannel::on_ready(std::uint32_t) { hear(); }

void PairChannel::hear() {
  const bool more = drain([this] { return socket_.receive(buffer_); },
                          [this](ByteView datagram) { on_datagram(datagram); });
  loop_.cancel_resume(*this);
  if (more) loop_.resume(*this, EPOLLIN);
}

void PairChannel::on_datagram(ByteView datagram) {
  PairSession::Heard heard = session_.on_datagram(datagram, loop_.now());
  if (heard.answer) {
    if (!muted_) socket_.send(*heard.answer);
    return;
  }
  if (heard.kind == PairSession::Heard::Kind::Refused) return;
  silence_.arm(session_.deadline(loop_.now()));
  // Who has just learned of us knows nothing yet.
  if (!std::exchange(alive_, session_.is_alive(loop_.now()))) say_soon();
  if (heard.kind != PairSession::Heard::Kind::Message) return;
  if (const auto message = decode_pair_message(heard.payload)) speaker_.on_message(*message);
}

/// After a stall of ours the messages are waiting: they come first.
void PairChannel::judge_silence() {
  hear();
  if (session_.is_alive(loop_.now())) return silence_.arm(session_.deadline(loop_.now()));
  if (std::exchange(alive_, false)) speaker_.on_silence();
}

}  // namespace hapair::vrrp
