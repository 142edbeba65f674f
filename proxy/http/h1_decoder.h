// Reads HTTP/1 heads and bodies, strictly (RFC 9112): what is ambiguous is an error, not a guess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/h1_error.h"
#include "proxy/http/message.h"

namespace hapair::http {

enum class HeadStatus : std::uint8_t { Incomplete, Complete, Failed };

struct HeadResult {
  HeadStatus status = HeadStatus::Incomplete;
  H1Error error = H1Error::None;
  /// Complete: bytes of the head, blank line included. Failed: where the error was noticed.
  std::size_t size = 0;
};

/// Parses the head that `bytes` begin with, in one pass. Complete: views in `head` point into
/// `bytes`. Incomplete: nothing is wrong so far; ask a HeadScanner when it is worth another try.
/// One empty line before the request line is skipped (RFC 9112 2.2).
HeadResult parse_request_head(std::string_view bytes, RequestHead& head);
HeadResult parse_response_head(std::string_view bytes, ResponseHead& head);

/// Watches a head that arrives in pieces, so that it is not parsed again for each of them.
class HeadScanner {
 public:
  /// `bytes` is everything received so far. True once they may hold a whole head (or a line feed
  /// that no head has): parse again. Reads each byte once.
  bool may_be_complete(std::string_view bytes);
  void reset() { scanned_ = 0; }

 private:
  std::size_t scanned_ = 0;
};

/// Takes the framing off a body, piece by piece.
class BodyDecoder {
 public:
  BodyDecoder() = default;  // no body
  BodyDecoder(Framing framing, std::uint64_t length);

  struct Step {
    std::size_t consumed = 0;  // bytes of the input that belong to the body
    std::size_t payload = 0;   // bytes of content among them, moved to the front of the input
    H1Error error = H1Error::None;
  };
  /// Reads from data[0, size). Content is compacted to data[0, payload). Stops at the body's end.
  Step decode(char* data, std::size_t size);

  bool done() const { return state_ == State::Done; }
  bool until_close() const { return state_ == State::UntilClose; }
  /// Content bytes certain to follow without any framing between them; 0 if not known.
  std::uint64_t plain_remaining() const { return state_ == State::Length ? remaining_ : 0; }
  /// The caller moved `count` content bytes itself (never more than plain_remaining()).
  void skip(std::uint64_t count);

 private:
  enum class State : std::uint8_t {
    Done,
    Length,
    UntilClose,
    ChunkSize,
    ChunkExtension,
    ChunkSizeEnd,  // after CR
    ChunkBody,
    ChunkBodyCr,
    ChunkBodyLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerEnd,  // after CR of a trailer line
    LastLf,
  };
  State state_ = State::Done;
  bool any_digit_ = false;
  std::uint16_t overhead_ = 0;  // bytes of extensions and trailers so far, bounded
  std::uint64_t remaining_ = 0;
};

}  // namespace hapair::http
