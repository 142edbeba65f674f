// Packets as captures print them.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "common/bytes.h"

namespace hapair::vrrp {

/// Blanks are passed over.
inline Bytes from_hex(std::string_view text) {
  Bytes out;
  std::string digits;
  for (const char c : text)
    if (c != ' ') digits += c;
  if (digits.size() % 2 != 0) throw std::logic_error("half a byte");
  for (std::size_t i = 0; i < digits.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return out;
}

}  // namespace hapair::vrrp
