#include "vrrp/runtime/speaker_watch.h"

#include <sys/epoll.h>

#include "vrrp/runtime/drain.h"

namespace hapair::vrrp {

SpeakerWatch::SpeakerWatch(Loop& loop, SpeakerSocket socket,
                           std::function<void(const Speaker&)> on_speaker)
    : loop_(loop), socket_(std::move(socket)), on_speaker_(std::move(on_speaker)) {
  loop_.watch(socket_.fd(), *this, EPOLLIN);
}

SpeakerWatch::~SpeakerWatch() { loop_.forget(socket_.fd(), *this); }

void SpeakerWatch::on_ready(std::uint32_t) {
  if (drain([this] { return socket_.receive(buffer_); }, on_speaker_))
    loop_.resume(*this, EPOLLIN);
}

}  // namespace hapair::vrrp
