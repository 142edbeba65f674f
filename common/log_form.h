// The form in which one target takes log lines: what stands around the text.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/log.h"

namespace hapair {

/// Who speaks, as log lines name it.
struct LogSpeaker {
  std::string tag;  // where the target has none of its own
  std::string host;
  int pid = 0;
};

/// Made once for each target. What stands before the text changes once a second and with the
/// severity, and is copied in between.
class LogForm {
 public:
  LogForm(const LogTarget& target, const LogSpeaker& speaker);

  /// Bytes that a line may take beside its text.
  std::size_t overhead() const { return overhead_; }
  /// Bytes of text that are not cut, behind the header of the line that was begun last; before the
  /// first line no more than are sure.
  std::size_t text_room() const {
    if (journal_) return length_;
    const bool is_known = header_size_ > 0 || format_ == LogTarget::Format::Raw;
    return length_ - std::min(length_, is_known ? header_size_ : overhead_);
  }
  /// Writes what stands before the text. Answers where the text begins.
  char* begin(char* line, Severity severity, WallTime now);
  /// The text ends at `end`: cuts the line to its target's length and writes what stands behind the
  /// text. Answers the size of the whole line. `fields`, made by field_lines(), are the journal's;
  /// there is room for them.
  std::size_t finish(char* line, char* end, std::string_view fields = {}) const;

 private:
  struct Header {
    std::int64_t second = INT64_MIN;
    std::string text;
  };
  std::string make_header(Severity severity, WallTime now);
  std::string priority(Severity severity) const;

  bool counted_;   // the number of octets stands first
  bool has_end_;   // a line feed stands last
  bool for_people_;
  bool journal_;
  LogTarget::Format format_;
  int facility_;
  Severity min_level_;
  std::size_t length_;
  std::size_t overhead_;
  std::size_t header_size_ = 0;  // of the line that was begun last
  LogSpeaker speaker_;
  Rfc3164Clock clock_;
  std::array<Header, 8> headers_;  // one a severity
};

/// As the journal takes them, one a line.
std::string field_lines(std::span<const LogField> fields);

/// Writes `text` at `at`, control bytes as '#': nobody can forge a line. Answers the end.
char* put_cleaned(char* at, std::string_view text);

}  // namespace hapair
