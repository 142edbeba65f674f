#include "common/log_form.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace hapair {

namespace {

// Digits and the space of an octet count; most lines have hundreds of bytes.
constexpr std::size_t kUsualCount = 4;
// Where the milliseconds stand in "<134>1 2026-11-21T02:56:40.034+01:00 ", from the '.' on.
constexpr std::size_t kMillisecondsBehindPoint = 1;

/// "2026-11-21T02:56:40.000+01:00": RFC 5424 6.2.3, local time.
std::string iso_stamp(WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  std::tm local{};
  const auto time = static_cast<std::time_t>(second);
  localtime_r(&time, &local);
  const long minutes = std::abs(local.tm_gmtoff) / 60;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000{}{:02}:{:02}", local.tm_year + 1900,
                     local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                     local.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace

LogForm::LogForm(const LogTarget& target, const LogSpeaker& speaker)
    : counted_(target.is_stream() && target.framing == LogTarget::Framing::Octets),
      has_end_(!counted_ && (target.is_stream() || target.is_console() ||
                             target.transport == LogTarget::Transport::File ||
                             target.transport == LogTarget::Transport::Journal)),
      for_people_(target.is_console() || target.transport == LogTarget::Transport::File),
      journal_(target.transport == LogTarget::Transport::Journal),
      format_(target.format),
      facility_(target.facility),
      min_level_(target.min_level),
      // A pipe takes this much in one piece or nothing of it.
      length_(target.is_console() ? std::min<std::size_t>(target.length, PIPE_BUF - 1)
                                  : target.length),
      speaker_(speaker) {
  if (!target.tag.empty()) speaker_.tag = target.tag;
  if (speaker_.host.empty()) speaker_.host = "-";
  overhead_ = 192 + speaker_.tag.size() + speaker_.host.size();
}

std::string LogForm::priority(Severity severity) const {
  return fmt::format("<{}>", facility_ * 8 + static_cast<int>(severity));
}

std::string LogForm::make_header(Severity severity, WallTime now) {
  if (journal_)
    return fmt::format(
        "PRIORITY={}\nSYSLOG_FACILITY={}\nSYSLOG_IDENTIFIER={}\nSYSLOG_PID={}\nMESSAGE=",
        static_cast<int>(severity), facility_, speaker_.tag, speaker_.pid);
  // A priority is for daemons: a person who reads standard error has the words.
  const std::string before = for_people_ ? std::string() : priority(severity);
  switch (format_) {
    case LogTarget::Format::Raw: return {};
    case LogTarget::Format::Local:
      return fmt::format("{}{} {}[{}]: ", before, clock_.stamp(now), speaker_.tag, speaker_.pid);
    case LogTarget::Format::Rfc3164:
      return fmt::format("{}{} {} {}[{}]: ", before, clock_.stamp(now), speaker_.host, speaker_.tag,
                         speaker_.pid);
    case LogTarget::Format::Rfc5424:
      return fmt::format("{}1 {} {} {} {} - - ", priority(severity), iso_stamp(now), speaker_.host,
                         speaker_.tag, speaker_.pid);
  }
  std::abort();  // every format is named above
}

char* LogForm::begin(char* line, Severity severity, WallTime now) {
  severity = std::max(severity, min_level_);
  Header& header = headers_[static_cast<std::size_t>(severity)];
  const auto since = now.time_since_epoch();
  const auto second = std::chrono::floor<std::chrono::seconds>(since);
  if (header.second != second.count()) {
    header.second = second.count();
    header.text = make_header(severity, now);
  }
  if (counted_) line += kUsualCount;
  header_size_ = header.text.size();
  std::memcpy(line, header.text.data(), header_size_);
  if (format_ == LogTarget::Format::Rfc5424 && !journal_) {
    char* at = line + header.text.find('.') + kMillisecondsBehindPoint;
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(since - second).count();
    *at++ = static_cast<char>('0' + milliseconds / 100);
    *at++ = static_cast<char>('0' + milliseconds / 10 % 10);
    *at = static_cast<char>('0' + milliseconds % 10);
  }
  return line + header_size_;
}

std::size_t LogForm::finish(char* line, char* end, std::string_view fields) const {
  char* const message = counted_ ? line + kUsualCount : line;
  auto size = static_cast<std::size_t>(end - message);
  // What the journal is told beside the text is no part of the line.
  const std::size_t most = journal_ ? header_size_ + length_ : length_;
  size = std::min(size, most);
  if (has_end_) message[size++] = '\n';
  if (journal_) size += fields.copy(message + size, fields.size());
  if (!counted_) return size;
  char digits[24];
  const auto count =
      static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, size).ptr - digits);
  if (count + 1 != kUsualCount) std::memmove(line + count + 1, message, size);
  std::memcpy(line, digits, count);
  line[count] = ' ';
  return count + 1 + size;
}

std::string field_lines(std::span<const LogField> fields) {
  std::string out;
  for (const LogField& field : fields) {
    std::string value(field.value);
    put_cleaned(value.data(), field.value);
    out += fmt::format("{}={}\n", field.name, value);
  }
  return out;
}

char* put_cleaned(char* at, std::string_view text) {
  return std::transform(text.begin(), text.end(), at, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '#' : c;
  });
}

}  // namespace hapair
