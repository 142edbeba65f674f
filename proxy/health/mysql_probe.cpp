#include "proxy/health/mysql_probe.h"

#include <system_error>

namespace hapair::health {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kHeader = 4;  // three bytes of length, one of sequence
constexpr std::uint8_t kOk = 0x00, kMore = 0x01, kVersion10 = 0x0a, kSwitch = 0xfe, kError = 0xff;
constexpr auto kQuit = "\1\0\0\0\1"sv;

std::string packet(std::uint8_t sequence, std::string_view payload) {
  std::string bytes;
  for (const int shift : {0, 8, 16}) bytes += static_cast<char>(payload.size() >> shift & 0xff);
  bytes += static_cast<char>(sequence);
  return bytes.append(payload);
}

std::string login(std::string_view user) {
  // CLIENT_LONG_PASSWORD, _PROTOCOL_41, _TRANSACTIONS, _SECURE_CONNECTION, _PLUGIN_AUTH.
  constexpr std::uint32_t capabilities = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x80000;
  constexpr std::uint32_t longest_packet = 1 << 24;
  std::string payload;
  for (const std::uint32_t number : {capabilities, longest_packet})
    for (const int shift : {0, 8, 16, 24}) payload += static_cast<char>(number >> shift & 0xff);
  payload += '\x21';  // utf8
  payload.append(23, '\0').append(user).append(1, '\0');
  payload += '\0';  // no password
  return payload.append("mysql_native_password").append(1, '\0');
}

Conversation::Turn invalid(std::string info = {}) {
  return {.send = {}, .verdict = ProbeResult{.status = ProbeStatus::L7Invalid, .info = std::move(info)}};
}

/// A number of two bytes, perhaps '#' and five letters of SQL state, and words.
Conversation::Turn refusal(std::string_view payload) {
  if (payload.size() < 3) return invalid();
  const auto byte = [payload](std::size_t at) { return static_cast<unsigned char>(payload[at]); };
  const int code = byte(1) | byte(2) << 8;
  std::string_view words = payload.substr(3);
  if (words.size() >= 6 && words.front() == '#') words.remove_prefix(6);
  return {.send = {},
          .verdict = ProbeResult{
              .status = ProbeStatus::L7Status, .code = code, .info = std::string(words.substr(0, 512))}};
}

}  // namespace

Conversation::Turn MysqlProbe::begin() {
  greeted_ = false;
  received_.clear();
  return {};
}

Conversation::Turn MysqlProbe::on_bytes(std::string_view bytes) {
  received_.append(bytes);
  sending_.clear();
  for (;;) {
    if (received_.size() < kHeader) return {.send = sending_, .verdict = {}};
    const auto byte = [this](std::size_t at) {
      return static_cast<std::size_t>(static_cast<unsigned char>(received_[at]));
    };
    const std::size_t length = byte(0) | byte(1) << 8 | byte(2) << 16;
    if (length == 0 || length > kMostBytes) return invalid();
    if (received_.size() < kHeader + length) return {.send = sending_, .verdict = {}};
    const auto sequence = static_cast<std::uint8_t>(byte(3));
    const std::string payload = received_.substr(kHeader, length);
    received_.erase(0, kHeader + length);
    if (auto verdict = on_packet(sequence, payload)) return {.send = sending_, .verdict = std::move(verdict)};
  }
}

std::optional<ProbeResult> MysqlProbe::on_packet(std::uint8_t sequence, std::string_view payload) {
  const auto kind = static_cast<std::uint8_t>(payload.front());
  if (kind == kError) return refusal(payload).verdict;
  if (!greeted_) {
    const auto end = payload.find('\0', 1);
    if (kind != kVersion10 || end == payload.npos) return invalid().verdict;
    version_ = payload.substr(1, end - 1);
    greeted_ = true;
    if (user_.empty()) return passed({});
    sending_ += packet(static_cast<std::uint8_t>(sequence + 1), login(user_));
    return std::nullopt;
  }
  switch (kind) {
    case kOk: return passed(kQuit);
    case kSwitch:  // another way to log in: no password is the same in all of them
      sending_ += packet(static_cast<std::uint8_t>(sequence + 1), {});
      return std::nullopt;
    case kMore:
      if (payload.size() > 1 && payload[1] == '\3') return std::nullopt;  // accepted; the OK follows
      return ProbeResult{
          .status = ProbeStatus::L7Status, .code = 0, .info = "the user needs a password"};
    default: return invalid().verdict;
  }
}

ProbeResult MysqlProbe::passed(std::string_view farewell) {
  sending_ += farewell;
  return {.status = ProbeStatus::L7Ok, .code = 0, .info = version_};
}

ProbeResult MysqlProbe::on_end(int error_number) {
  return {.status = ProbeStatus::L7Invalid,
          .info = error_number != 0 ? std::generic_category().message(error_number) : std::string()};
}

}  // namespace hapair::health
