// The form in which one target takes log lines: what stands around the text.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/log.h"

namespace hapair {

/// Who speaks, as log lines name it.
struct LogSpeaker {
  std::string tag;  // where the target has none of its own
  int pid = 0;
};

/// Made once for each target. What stands before the text changes once a second and with the
/// severity, and is copied in between.
class LogForm {
 public:
  LogForm(const LogTarget& target, const LogSpeaker& speaker);

  /// Bytes that a line may take beside its text.
  std::size_t overhead() const { return kHeaderRoom; }
  /// Writes what stands before the text. Answers where the text begins.
  char* begin(char* line, Severity severity, WallTime now);
  /// The text ends at `end`: cuts the line to its target's length and writes what stands behind the
  /// text. Answers the size of the whole line.
  std::size_t finish(char* line, char* end) const;

 private:
  static constexpr std::size_t kHeaderRoom = 256;
  struct Header {
    std::int64_t second = INT64_MIN;
    std::string text;
  };
  void renew(Header& header, Severity severity, std::int64_t second, WallTime now);

  bool to_stream_;
  int facility_;
  std::size_t length_;
  std::string sender_;  // " tag[pid]: "
  Rfc3164Clock clock_;
  std::array<Header, 8> headers_;  // one a severity
};

/// Writes `text` at `at`, control bytes as '#': nobody can forge a line. Answers the end.
char* put_cleaned(char* at, std::string_view text);

}  // namespace hapair
