#include "proxy/route/values.h"

namespace hapair::route {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string_view decode_query(std::string_view text, std::string& buffer) {
  if (text.find_first_of("%+") == text.npos) return text;
  buffer.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      buffer += ' ';
      continue;
    }
    const int high = text.size() - i > 2 && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      buffer += text[i];
      continue;
    }
    buffer += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return buffer;
}

}  // namespace hapair::route
