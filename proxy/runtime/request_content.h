// The content of a request, on its way from its client to its server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/exchange/access_record.h"
#include "proxy/http/h1_decoder.h"

namespace hapair::proxy {

class ClientSession;
class StreamSocket;
class Worker;

/// Owned by the relay of its request, and used for one request after another. It takes the client's
/// framing off and puts the server's on. It ends nothing: it says what happened, and its owner
/// decides. The client is not read while the server has not taken what it was given.
class RequestContent {
 public:
  /// `record` is of the request that the content belongs to, for the capture of a malformed one.
  RequestContent(Worker& worker, const exchange::AccessRecord& record)
      : worker_(worker), record_(record) {}

  enum class Outcome : std::uint8_t {
    Going,         // more to come, once the client has sent it or the server has taken its part
    Complete,      // nothing more is needed of the client
    Ended,         // the client has ended its direction, which the server has to be told in a tunnel
    ClientBroken,  // the connection to the client
    ServerBroken,  // the connection to the server
    Malformed,     // the framing is none
  };

  /// Takes the framing off the content that came with the head. False: it is malformed.
  bool begin(const http::RequestHead& request, ClientSession& client);

  /// Reads content into the session's buffer, behind the head, for one who wants to see it before a
  /// server is found. Complete: all of it is here, or the buffer is full.
  Outcome gather(ClientSession& client);
  /// Content that stands behind the head, unframed, until pump() reads on.
  std::string_view early(ClientSession& client) const;
  std::size_t early_size() const { return early_size_; }
  /// Writes that content to `out`, framed for the server. Answers its size there.
  std::size_t encode_early(ClientSession& client, char* out) const;

  /// Moves what there is to move; `moved` grows by the bytes of content among it. Never Complete,
  /// which is_complete() tells.
  Outcome pump(ClientSession& client, StreamSocket& server, std::uint64_t& moved);
  /// From here everything the client sends is passed on as it is, until it ends.
  void become_tunnel();

  /// Some of it was received.
  bool has_come() const { return early_size_ > 0 || beyond_buffer_; }
  /// All of it was received.
  bool is_complete() const { return complete_; }
  /// Some was sent that is no longer here: the request cannot be sent again.
  bool is_beyond_buffer() const { return beyond_buffer_; }

 private:
  bool decode(char* data, std::size_t size, http::BodyDecoder::Step& step);
  std::size_t most_to_read(const ClientSession& client) const;
  bool write(StreamSocket& server, char* data, std::size_t size) const;

  Worker& worker_;
  const exchange::AccessRecord& record_;
  http::BodyDecoder decoder_;
  bool chunked_ = false;
  bool complete_ = false;
  bool beyond_buffer_ = false;
  std::size_t early_size_ = 0;
};

}  // namespace hapair::proxy
