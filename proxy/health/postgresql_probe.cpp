#include "proxy/health/postgresql_probe.h"

#include <cstdint>
#include <optional>
#include <system_error>

namespace hapair::health {
namespace {

void append_be32(std::string& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xff);
}

std::uint32_t be32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

/// One of the fields of an ErrorResponse: a letter and a text with a zero byte, each. Empty: there is
/// none.
std::string_view field_of(std::string_view fields, char wanted) {
  while (!fields.empty() && fields.front() != '\0') {
    const auto end = fields.find('\0');
    if (fields.front() == wanted) return fields.substr(1, end == fields.npos ? end : end - 1);
    if (end == fields.npos) break;
    fields.remove_prefix(end + 1);
  }
  return {};
}

ProbeResult well() {
  return {.status = ProbeStatus::L7Ok, .code = 0, .info = "PostgreSQL server is ok"};
}

ProbeResult unwell(std::string_view words) {
  return {.status = ProbeStatus::L7Status,
          .code = 0,
          .info = std::string(words.empty() ? "PostgreSQL unknown error" : words)};
}

}  // namespace

PostgresqlProbe::PostgresqlProbe(std::string_view user) {
  std::string body;
  append_be32(body, 3u << 16);  // protocol 3.0
  body.append("user").append(1, '\0').append(user).append(2, '\0');
  append_be32(startup_, static_cast<std::uint32_t>(body.size() + 4));
  startup_ += body;
}

Conversation::Turn PostgresqlProbe::begin() {
  received_.clear();
  let_in_ = false;
  return {.send = startup_, .verdict = {}};
}

Conversation::Turn PostgresqlProbe::on_bytes(std::string_view bytes) {
  constexpr std::size_t kHeader = 5;  // a letter, and the length without it
  constexpr std::uint32_t kMost = 32 * 1024;
  received_.append(bytes);
  std::optional<ProbeResult> verdict;
  std::size_t behind = 0;
  while (!verdict) {
    const std::string_view rest = std::string_view(received_).substr(behind);
    if (rest.size() < kHeader) break;
    const std::uint32_t length = be32(rest.substr(1));
    if (length < 4 || length > kMost) {
      verdict = unwell({});
    } else if (rest.size() > length) {
      verdict = on_message(rest.front(), rest.substr(kHeader, length - 4));
      behind += length + 1;
    } else {
      break;
    }
  }
  received_.erase(0, behind);
  using namespace std::string_view_literals;
  return {.send = verdict && verdict->passed() && let_in_ ? "X\0\0\0\4"sv : ""sv, .verdict = std::move(verdict)};
}

std::optional<ProbeResult> PostgresqlProbe::on_message(char kind, std::string_view body) {
  switch (kind) {
    case 'R':  // a question for a password, or none: whether the role is one is told after that
      if (let_in_ || body.size() < 4) return unwell({});
      let_in_ = be32(body) == 0;
      return let_in_ ? std::nullopt : std::optional(well());
    case 'E':
      // The role may come in, and the database it gave no name for is not there: 3D000.
      return let_in_ && field_of(body, 'C') == "3D000" ? well() : unwell(field_of(body, 'M'));
    case 'N': return std::nullopt;
    case 'S':  // settings, a key to cancel with, ready: a session is open
    case 'K':
    case 'Z': return let_in_ ? well() : unwell({});
    default: return unwell({});
  }
}

ProbeResult PostgresqlProbe::on_end(int error_number) {
  return {.status = ProbeStatus::L7Invalid,
          .info = error_number != 0 ? std::generic_category().message(error_number) : std::string()};
}

}  // namespace hapair::health
