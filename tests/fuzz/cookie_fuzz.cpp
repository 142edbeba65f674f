// Any bytes as cookies of a request and a response, in every mode: no input may do harm, the heads
// we send on stay whole, and no cookie but the one that is ours changes by a byte.
//
// Input: a byte that chooses the mode, the Cookie field's value, a line feed, the Set-Cookie
// field's value.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/exchange/persistence.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_encoder.h"

namespace {

using namespace hapair;
using Mode = proxy::CookiePersistence::Mode;

void require(bool condition) {
  if (!condition) std::abort();
}

/// A second, independent reading of a Cookie field: what stands between semicolons, without blanks
/// around, empty ones left out.
std::vector<std::string> cookies_of(std::string_view value) {
  std::vector<std::string> out;
  std::string one;
  const auto finish = [&] {
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.pop_back();
    const auto begin = one.find_first_not_of(" \t");
    if (begin != one.npos) out.push_back(one.substr(begin));
    one.clear();
  };
  for (const char c : value)
    if (c == ';')
      finish();
    else
      one += c;
  finish();
  return out;
}

bool is_ours(const std::string& cookie) {
  const auto equals = cookie.find('=');
  return equals != cookie.npos && cookie[0] == 'S' &&
         cookie.find_first_not_of(" \t", 1) == equals;
}

std::vector<std::string> others_of(const http::FieldList& fields, std::size_t* ours) {
  std::vector<std::string> out;
  for (const http::Field& field : fields) {
    if (field.name != "Cookie") continue;
    for (std::string& cookie : cookies_of(field.value))
      if (is_ours(cookie))
        ++*ours;
      else
        out.push_back(std::move(cookie));
  }
  return out;
}

struct Shop {
  explicit Shop(proxy::CookiePersistence cookie) : settings(std::move(cookie)) {
    settings.name = "S";
    for (const char* value : {"A", "B"}) {
      servers.push_back({.name = value, .address = {}, .cookie = value});
      farm.push_back(std::make_shared<balance::Server>(balance::Server::Settings{.name = value, .address = {}}));
    }
    farm[1]->set_health(health::Health::Down);
    persistence.emplace(settings, servers);
  }
  proxy::CookiePersistence settings;
  std::vector<proxy::Server> servers;
  balance::Farm farm;
  std::optional<exchange::Persistence> persistence;
};

void play(const Shop& shop, const std::string& cookie, const std::string& set_cookie) {
  const WallTime now{std::chrono::seconds(1795229797)};
  const std::string request =
      "GET / HTTP/1.1\r\nHost: a\r\nCookie: " + cookie + "\r\nX: y\r\nCookie: S=A; z=1\r\n\r\n";
  http::RequestHead head;
  const auto parsed = http::parse_request_head(request, head);
  if (parsed.status != http::HeadStatus::Complete || parsed.size != request.size()) return;
  exchange::Visit visit;
  shop.persistence->read(head, shop.farm, now, visit);
  require(std::string_view("NVIDEO").find(visit.letter) != std::string_view::npos);

  std::string out(request.size() + http::kEncoderRoom, '\0');
  http::RequestEdits edits;
  edits.cuts = &visit.cuts;
  out.resize(http::encode_request_head(head, edits, out.data()));
  http::RequestHead again;
  const auto reread = http::parse_request_head(out, again);
  require(reread.status == http::HeadStatus::Complete && reread.size == out.size());
  std::size_t ours_before = 0, ours_after = 0;
  require(others_of(head.fields, &ours_before) == others_of(again.fields, &ours_after));
  const bool removed = shop.settings.indirect;
  if (visit.cuts.size() < http::FieldCuts::kMost)
    require(ours_after == (removed ? 0 : ours_before));

  const std::string response = "HTTP/1.1 200 OK\r\nETag: x\r\nSet-Cookie: " + set_cookie +
                               "\r\nSet-Cookie: S=1; path=/\r\nContent-Length: 0\r\n\r\n";
  http::ResponseHead answer;
  const auto parsed_answer = http::parse_response_head(response, answer);
  if (parsed_answer.status != http::HeadStatus::Complete || parsed_answer.size != response.size())
    return;
  for (const int server : {0, 1}) {
    exchange::Reminder reminder;
    shop.persistence->answer(visit, server, head, answer, now, reminder);
    std::string got(response.size() + http::kEncoderRoom + reminder.size + 64, '\0');
    http::ResponseEdits response_edits;
    response_edits.cuts = &reminder.cuts;
    response_edits.add_lines = reminder.added();
    got.resize(http::encode_response_head(answer, response_edits, got.data()));
    http::ResponseHead answer_again;
    const auto reread_answer = http::parse_response_head(got, answer_again);
    require(reread_answer.status == http::HeadStatus::Complete &&
            reread_answer.size == got.size());
    require(answer_again.fields.size() + 2 >= answer.fields.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Shop shops[] = {
      Shop({}), Shop({.indirect = true, .nocache = true}), Shop({.mode = Mode::Prefix}),
      Shop({.mode = Mode::Rewrite}),
      Shop({.indirect = true, .max_idle = std::chrono::minutes(30), .max_life = std::chrono::hours(8)}),
  };
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto end = text.find('\n');
  const std::string cookie(text.substr(0, end));
  const std::string set_cookie(end == text.npos ? "" : text.substr(end + 1));
  play(shops[data[0] % std::size(shops)], cookie, set_cookie);
  return 0;
}
