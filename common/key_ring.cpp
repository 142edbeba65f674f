// The pair's keys.
#include "common/key_ring.h"

#include <algorithm>

#include "common/crypto.h"
#include "common/secret_file.h"
#include "common/text.h"

namespace hapair {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool decode_hex(std::string_view text, std::string& out) {
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
  }
  return true;
}

Result<KeyRing::Key> parse_line(std::string_view line) {
  const auto blank = line.find_first_of(" \t");
  const auto id = parse_number<std::uint8_t>(line.substr(0, blank));
  if (!id || *id == 0) return fail(Errc::Syntax, "a line is \"ID KEY\", with an ID from 1 to 255");
  KeyRing::Key key{.id = *id, .secret = {}};
  if (blank == line.npos || !decode_hex(trim(line.substr(blank)), key.secret))
    return fail(Errc::Syntax, "key {} is not written in hexadecimal digits", *id);
  if (key.secret.size() < KeyRing::kShortest || key.secret.size() > KeyRing::kLongest)
    return fail(Errc::Range, "key {} has {} bytes; {} to {} are wanted (`hapair keygen` makes one)",
                *id, key.secret.size(), KeyRing::kShortest, KeyRing::kLongest);
  return key;
}

}  // namespace

const KeyRing::Key* KeyRing::find(std::uint8_t id) const {
  const auto found = std::ranges::find(keys, id, &Key::id);
  return found == keys.end() ? nullptr : &*found;
}

Result<KeyRing> parse_key_ring(std::string_view text, std::string_view name) {
  KeyRing ring;
  unsigned number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line.substr(0, std::min(line.find('#'), line.find('\r'))));
    if (line.empty()) continue;
    auto key = parse_line(line);
    if (!key) return fail(key.error().code, "{}:{}: {}", name, number, key.error().message);
    if (ring.find(key->id))
      return fail(Errc::Range, "{}:{}: there is a key {} already", name, number, key->id);
    ring.keys.push_back(*std::move(key));
  }
  if (ring.keys.empty())
    return fail(Errc::Syntax, "{} has no key: `hapair keygen {}` makes one", name, name);
  return ring;
}

Result<KeyRing> read_key_ring(const std::string& path) {
  auto text = read_secret_file(path, "key file");
  if (text) return parse_key_ring(*text, path);
  if (text.error().code == Errc::NotFound)
    text.error().message +=
        fmt::format(": make it with `hapair keygen {}` on one node and copy it to the other", path);
  return tl::make_unexpected(text.error());
}

std::string make_key_line(std::uint8_t id) {
  return fmt::format("{} {:02x}\n", id, fmt::join(random_bytes<KeyRing::kShortest>(), ""));
}

}  // namespace hapair
