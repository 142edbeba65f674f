#include "common/log_form.h"

#include <algorithm>
#include <cstring>

namespace hapair {

LogForm::LogForm(const LogTarget& target, const LogSpeaker& speaker)
    : to_stream_(target.transport == LogTarget::Transport::Stderr),
      facility_(target.facility),
      length_(target.length),
      sender_(fmt::format(" {}[{}]: ", target.tag.empty() ? speaker.tag : target.tag,
                          speaker.pid)) {}

char* LogForm::begin(char* line, Severity severity, WallTime now) {
  Header& header = headers_[static_cast<std::size_t>(severity)];
  const std::int64_t second =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (header.second != second) renew(header, severity, second, now);
  std::memcpy(line, header.text.data(), header.text.size());
  return line + header.text.size();
}

void LogForm::renew(Header& header, Severity severity, std::int64_t second, WallTime now) {
  header.second = second;
  header.text.clear();
  // A priority is for daemons: a person who reads standard error has the words.
  if (!to_stream_) header.text = fmt::format("<{}>", facility_ * 8 + static_cast<int>(severity));
  header.text += clock_.stamp(now);
  header.text += sender_;
}

std::size_t LogForm::finish(char* line, char* end) const {
  auto size = std::min(static_cast<std::size_t>(end - line), length_);
  if (to_stream_) line[size++] = '\n';
  return size;
}

char* put_cleaned(char* at, std::string_view text) {
  return std::transform(text.begin(), text.end(), at, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '#' : c;
  });
}

}  // namespace hapair
