#include "proxy/exchange/page.h"

#include <fmt/format.h>

#include "proxy/http/reason.h"

namespace hapair::exchange {

Page::Page(const proxy::FixedAnswer& answer) : status_(answer.status) {
  const std::string_view reason =
      answer.reason.empty() ? http::reason_phrase(status_) : std::string_view(answer.reason);
  for (const bool close : {false, true}) {
    std::string& out = shapes_[close];
    out = fmt::format("HTTP/1.1 {} {}\r\n", status_, reason);
    // RFC 9110 8.6: none where the status says that there is no body.
    if (status_ != 204 && status_ != 304)
      out += fmt::format("content-length: {}\r\n", answer.body.size());
    for (const auto& [name, value] : answer.fields) out += fmt::format("{}: {}\r\n", name, value);
    if (close) out += "connection: close\r\n";
    out += "\r\n";
    heads_[close] = out.size();
    out += answer.body;
  }
}

std::string_view Page::bytes(AnswerShape shape) const {
  const std::string_view whole = shapes_[shape.close];
  return shape.head ? whole.substr(0, heads_[shape.close]) : whole;
}

ErrorPages::ErrorPages(const proxy::ErrorFiles& files) {
  for (const auto& [status, answer] : files) pages_.emplace(status, Page(answer));
}

const Page* ErrorPages::find(int status) const {
  const auto found = pages_.find(status);
  return found == pages_.end() ? nullptr : &found->second;
}

}  // namespace hapair::exchange
