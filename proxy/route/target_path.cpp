#include "proxy/route/target_path.h"

#include <algorithm>

namespace hapair::route {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_normal(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '%' || c == ';' || c == '\\') return false;
    if (c == '/' && i + 1 < path.size() && (path[i + 1] == '/' || path[i + 1] == '.')) return false;
  }
  return true;
}

/// What was met on the way that not every server reads alike.
struct Doubts {
  bool hidden_slash = false;  // an encoded '/', or a '\'
  bool climbs = false;        // ".."
};

/// Decodes into `out`, leaves out parameters and turns '\' into '/'. False: no reading is safe.
bool decode(std::string_view path, std::string& out, Doubts& doubts) {
  bool in_parameters = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == ';') {
      const std::string_view segment = std::string_view(out).substr(out.rfind('/') + 1);
      if (segment == "." || segment == "..") return false;
      in_parameters = true;
      continue;
    }
    if (c == '%') {
      if (path.size() - i < 3) return false;
      const int high = hex_digit(path[i + 1]), low = hex_digit(path[i + 2]);
      if (high < 0 || low < 0) return false;
      const int byte = high * 16 + low;
      if (byte < 0x20 || byte == 0x7f) return false;
      c = static_cast<char>(byte);
      i += 2;
      doubts.hidden_slash |= c == '/';
    }
    if (c == '\\') {
      c = '/';
      doubts.hidden_slash = true;
    }
    if (c == '/') in_parameters = false;
    if (!in_parameters) out += c;
  }
  return true;
}

/// RFC 3986 5.2.4 and empty segments, in place: the result is never longer than what was read.
void resolve(std::string& path, Doubts& doubts) {
  std::size_t end = 0;  // of what is done
  for (std::size_t at = 0; at < path.size();) {  // path[at] is a '/'
    const std::size_t next = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment(path.data() + at + 1, next - at - 1);
    const bool last = next == path.size();
    const bool up = segment == "..";
    if (up) {
      doubts.climbs = true;
      while (end > 0 && path[--end] != '/') {
      }
    }
    if (up || segment.empty() || segment == ".") {
      if (last) path[end++] = '/';
    } else {
      std::copy(path.begin() + static_cast<std::ptrdiff_t>(at),
                path.begin() + static_cast<std::ptrdiff_t>(next),
                path.begin() + static_cast<std::ptrdiff_t>(end));
      end += next - at;
    }
    at = next;
  }
  path.resize(end);
}

}  // namespace

std::optional<std::string_view> normal_path(std::string_view target, std::string& buffer) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (is_normal(path)) return path;
  buffer.clear();
  Doubts doubts;
  if (!decode(path, buffer, doubts)) return std::nullopt;
  resolve(buffer, doubts);
  if (doubts.hidden_slash && doubts.climbs) return std::nullopt;
  return buffer;
}

}  // namespace hapair::route
