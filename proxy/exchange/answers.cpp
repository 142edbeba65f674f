#include "proxy/exchange/answers.h"

#include <fmt/format.h>

#include <array>

namespace hapair::exchange {
namespace {

struct Page {
  int status;
  std::string_view title;  // of the status line and the heading
  std::string_view sentence;
  bool early = false;  // sent before there is a request: HAProxy spells these heads otherwise
};

constexpr Page kPages[] = {
    {200, "200 OK", "Service ready."},
    {400, "400 Bad request", "Your browser sent an invalid request.", true},
    {401, "401 Unauthorized", "You need a valid user and password to access this content."},
    {403, "403 Forbidden", "Request forbidden by administrative rules."},
    {404, "404 Not Found", "There is nothing here by that name."},
    {408, "408 Request Time-out", "Your browser didn't send a complete request in time.", true},
    {410, "410 Gone", "What was here is gone for good."},
    {421, "421 Misdirected Request", "This server does not answer for that host."},
    {429, "429 Too Many Requests", "You have sent too many requests in a given amount of time."},
    {500, "500 Internal Server Error", "An internal server error occurred."},
    {502, "502 Bad Gateway", "The server returned an invalid or incomplete response."},
    {503, "503 Service Unavailable", "No server is available to handle this request."},
    {504, "504 Gateway Time-out", "The server didn't respond in time."},
};
constexpr std::size_t kPageCount = std::size(kPages);

std::string render(const Page& page, std::string_view more_fields, AnswerShape shape) {
  const std::string body =
      fmt::format("<html><body><h1>{}</h1>\n{}\n</body></html>\n", page.title, page.sentence);
  std::string out = fmt::format("HTTP/1.1 {}\r\n", page.title);
  if (page.early) {
    out += fmt::format(
        "Content-length: {}\r\nCache-Control: no-cache\r\nConnection: close\r\n"
        "Content-Type: text/html\r\n",
        body.size());
  } else {
    out += fmt::format(
        "content-length: {}\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n{}{}",
        body.size(), more_fields, shape.close ? "connection: close\r\n" : "");
  }
  out += "\r\n";
  if (!shape.head) out += body;
  return out;
}

std::size_t shape_index(AnswerShape shape) {
  return (shape.head ? 1u : 0u) | (shape.close ? 2u : 0u);
}

using Shapes = std::array<std::string, 4>;

const std::array<Shapes, kPageCount>& prebuilt() {
  static const auto answers = [] {
    std::array<Shapes, kPageCount> all;
    for (std::size_t i = 0; i < kPageCount; ++i)
      for (const bool head : {false, true})
        for (const bool close : {false, true})
          all[i][shape_index({head, close})] = render(kPages[i], "", {head, close});
    return all;
  }();
  return answers;
}

std::size_t page_index(int status) {
  for (std::size_t i = 0; i < kPageCount; ++i)
    if (kPages[i].status == status) return i;
  return page_index(500);
}

}  // namespace

std::string_view answer(int status, AnswerShape shape) {
  return prebuilt()[page_index(status)][shape_index(shape)];
}

std::string unauthorized(std::string_view realm, AnswerShape shape) {
  std::string field = "www-authenticate: Basic realm=\"";
  for (const char c : realm) {  // a quoted-string, RFC 9110 section 5.6.4
    if (static_cast<unsigned char>(c) < 32 || c == 127) continue;
    if (c == '"' || c == '\\') field += '\\';
    field += c;
  }
  return render(kPages[page_index(401)], field + "\"\r\n", shape);
}

std::string page_head(std::string_view content_type, std::size_t length, AnswerShape shape) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\ncontent-length: {}\r\ncache-control: no-cache\r\ncontent-type: "
      "{}\r\n{}\r\n",
      length, content_type, shape.close ? "connection: close\r\n" : "");
}

}  // namespace hapair::exchange
