#include "proxy/health/postgresql_probe.h"

#include <cstdint>
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

/// The message ('M') of an ErrorResponse's fields: a letter and a text with a zero byte, each.
std::string message_of(std::string_view fields) {
  while (!fields.empty() && fields.front() != '\0') {
    const auto end = fields.find('\0');
    if (fields.front() == 'M') return std::string(fields.substr(1, end == fields.npos ? end : end - 1));
    if (end == fields.npos) break;
    fields.remove_prefix(end + 1);
  }
  return "PostgreSQL unknown error";
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
  return {.send = startup_, .verdict = {}};
}

Conversation::Turn PostgresqlProbe::on_bytes(std::string_view bytes) {
  constexpr std::size_t kHeader = 5;  // a letter, and the length without it
  constexpr std::uint32_t kMost = 32 * 1024;
  received_.append(bytes);
  const auto wrong = [](std::string info) {
    return Turn{.send = {},
                .verdict = ProbeResult{.status = ProbeStatus::L7Status, .code = 0, .info = std::move(info)}};
  };
  if (received_.empty()) return {};
  const char kind = received_.front();
  if (kind != 'R' && kind != 'E') return wrong("PostgreSQL unknown error");
  if (received_.size() < kHeader) return {};
  const std::uint32_t length = be32(std::string_view(received_).substr(1));
  if (length < 8 || length > kMost) return wrong("PostgreSQL unknown error");
  if (received_.size() < length + 1) return {};
  const std::string_view body = std::string_view(received_).substr(kHeader, length - 4);
  if (kind == 'E') return wrong(message_of(body));
  using namespace std::string_view_literals;
  const bool let_in = be32(body) == 0;  // no password wanted: a session is open, which we end
  return {.send = let_in ? "X\0\0\0\4"sv : ""sv,
          .verdict = ProbeResult{.status = ProbeStatus::L7Ok, .code = 0, .info = "PostgreSQL server is ok"}};
}

ProbeResult PostgresqlProbe::on_end(int error_number) {
  return {.status = ProbeStatus::L7Invalid,
          .info = error_number != 0 ? std::generic_category().message(error_number) : std::string()};
}

}  // namespace hapair::health
