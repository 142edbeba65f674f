#include "proxy/admin/error_report.h"

#include <fmt/format.h>

#include <iterator>

namespace hapair::admin {
namespace {

constexpr std::size_t kLineWidth = 70;

// As a C string would be written.
std::string shown(char c) {
  switch (c) {
    case '\r': return "\\r";
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\x1b': return "\\e";
    case '\\': return "\\\\";
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte >= 0x7f) return fmt::format("\\x{:02X}", byte);
  return std::string(1, c);
}

void append_bytes(std::string& out, std::string_view bytes) {
  bool continues = false;
  for (std::size_t at = 0; at < bytes.size();) {
    fmt::format_to(std::back_inserter(out), "  {:05}{} ", at, continues ? '+' : ' ');
    std::size_t width = 0;
    continues = true;
    while (at < bytes.size()) {
      const std::string text = shown(bytes[at]);
      if (width + text.size() > kLineWidth) break;
      out += text;
      width += text.size();
      if (bytes[at++] == '\n') {
        continues = false;
        break;
      }
    }
    out += '\n';
  }
}

std::string_view or_none(const std::string& name) {
  return name.empty() ? std::string_view("<NONE>") : std::string_view(name);
}

}  // namespace

void append_errors(std::string& out, std::span<const exchange::CapturedError> errors,
                   std::uint64_t events, WallTime now, const Numbering& numbers) {
  exchange::AccessClock clock;
  auto at = std::back_inserter(out);
  fmt::format_to(at, "Total events captured on {} : {}\n", clock.stamp(now), events);
  for (const exchange::CapturedError& error : errors) {
    const auto proxy = [&](const std::string& name) {
      return fmt::format("{} (#{})", or_none(name), name.empty() ? -1 : numbers.proxy(name));
    };
    const std::string server = fmt::format(
        "server {} (#{})", or_none(error.server),
        error.server.empty() ? -1 : numbers.server(error.backend, error.server));
    fmt::format_to(at, " \n{} ", clock.stamp(error.when));
    if (error.is_response)
      fmt::format_to(at, "backend {}: invalid response\n  frontend {}, {}", proxy(error.backend),
                     proxy(error.frontend), server);
    else
      fmt::format_to(at, "frontend {}: invalid request\n  backend {}, {}", proxy(error.frontend),
                     proxy(error.backend), server);
    fmt::format_to(at, ", event #{}, src {}\n  len {}, error at position {}: {} :\n  \n",
                   error.event, error.client.to_string(), error.size, error.position,
                   error.reason);
    append_bytes(out, error.bytes);
  }
}

}  // namespace hapair::admin
