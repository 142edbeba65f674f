// What may stand in a name, a token, a header.
#include <algorithm>

#include "proxy/config/readers.h"

namespace hapair::proxy {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [marks](char c) {
    return is_alphanumeric(c) || marks.find(c) != marks.npos;
  });
}

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_account_name(std::string_view name) {
  return !name.empty() && !has_control_byte(name) && name.find_first_of(" :/") == name.npos;
}

void check_name(std::string_view name, std::string_view kind, const SourceLocation& where,
                Diagnostics& diagnostics) {
  // HAProxy's set: outsiders split log lines at spaces and slashes, CSV lines at commas.
  constexpr std::string_view marks = "-_.:";
  if (!name.empty() && std::all_of(name.begin(), name.end(), [marks](char c) {
        return is_alphanumeric(c) || marks.find(c) != marks.npos;
      }))
    return;
  diagnostics.error(where, fmt::format("\"{}\" cannot be the name of a {}", name, kind),
                    "letters, digits, '-', '_', '.' and ':'");
}

}  // namespace hapair::proxy
