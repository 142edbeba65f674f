#include "proxy/exchange/persistence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/crypto.h"
#include "proxy/http/caching.h"
#include "proxy/http/cookie.h"

namespace hapair::exchange {
namespace {

using proxy::CookiePersistence;
using Mode = CookiePersistence::Mode;

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kDateDigits = 5;
constexpr std::int64_t kDateUnit = 4;  // seconds
// A cookie from further ahead was not made by a clock that is merely wrong by a time zone.
constexpr Duration kFutureTolerated = std::chrono::hours(24);
constexpr std::string_view kForget = "=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/\r\n";
constexpr std::string_view kPrivate = "cache-control: private\r\n";

/// The same on every node with the same file, told to nobody who has not the key.
std::string dynamic_value(const CookiePersistence& settings, const proxy::Server& server) {
  const auto& socket = server.approach.unix_socket;
  const auto digest =
      hmac_sha256(settings.dynamic_key, socket ? socket->to_string() : server.address.to_string());
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

class Lines {
 public:
  explicit Lines(Reminder& reminder) : reminder_(reminder) {}
  Lines& operator<<(std::string_view text) {
    // The loader keeps names, values and attributes short enough.
    const std::size_t size = std::min(text.size(), reminder_.lines.size() - reminder_.size);
    std::memcpy(reminder_.lines.data() + reminder_.size, text.data(), size);
    reminder_.size += size;
    return *this;
  }
  Lines& operator<<(char c) { return *this << std::string_view(&c, 1); }

 private:
  Reminder& reminder_;
};

}  // namespace

std::uint32_t cookie_date(WallTime moment) {
  const auto seconds =
      std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count();
  return static_cast<std::uint32_t>((seconds + kDateUnit - 1) / kDateUnit) & 0x3fffffff;
}

std::array<char, 5> encode_cookie_date(std::uint32_t date) {
  std::array<char, kDateDigits> text{};
  for (std::size_t i = kDateDigits; i-- > 0; date >>= 6) text[i] = kDigits[date & 63];
  return text;
}

std::uint32_t decode_cookie_date(std::string_view text) {
  if (text.size() < kDateDigits) return 0;
  std::uint32_t date = 0;
  for (const char c : text.substr(0, kDateDigits)) {
    const auto digit = kDigits.find(c);
    if (digit == kDigits.npos) return 0;
    date = date << 6 | static_cast<std::uint32_t>(digit);
  }
  return date;
}

Persistence::Persistence(const CookiePersistence& settings,
                         const std::vector<proxy::Server>& servers)
    : settings_(settings), line_tail_("; path=/") {
  for (const std::string& domain : settings.domains) line_tail_ += "; domain=" + domain;
  if (settings.httponly) line_tail_ += "; HttpOnly";
  if (settings.secure) line_tail_ += "; Secure";
  for (const std::string& attribute : settings.attributes) line_tail_ += "; " + attribute;
  line_tail_ += "\r\n";
  for (const proxy::Server& server : servers) {
    Entry entry;
    entry.value = server.cookie;
    if (entry.value.empty() && !settings.dynamic_key.empty())
      entry.value = dynamic_value(settings, server);
    entry.prefix = entry.value + proxy::kCookieDelimiter;
    entry.line_head = fmt::format("set-cookie: {}={}", settings.name, entry.value);
    if (!entry.value.empty())
      by_value_[entry.value].push_back(static_cast<int>(entries_.size()));
    entries_.push_back(std::move(entry));
  }
}

void Persistence::read(const http::RequestHead& request, const balance::Farm& farm, WallTime now,
                       Visit& visit) const {
  for (const http::Field& field : request.fields) {
    if (!http::is_cookie(field)) continue;
    http::CookieWalk walk(field, visit.cuts);
    while (const http::CookiePair* pair = walk.next()) {
      if (pair->name != settings_.name) continue;
      std::string_view value = pair->value;
      if (settings_.mode == Mode::Prefix) {
        const auto mark = value.find(proxy::kCookieDelimiter);
        if (mark != value.npos) {
          walk.cut(value.substr(0, mark + 1));
          value = value.substr(0, mark);
        }
      } else if (settings_.indirect) {
        walk.remove();
      }
      // Of several cookies of that name, one that is good decides.
      if (visit.letter == 'V') continue;
      const Named named = look_up(value, farm, now);
      if (visit.letter != 'N' && named.letter != 'V') continue;
      visit.letter = named.letter;
      visit.servers = named.servers;
      visit.last = named.last;
      visit.first = named.first;
    }
  }
}

Persistence::Named Persistence::look_up(std::string_view value, const balance::Farm& farm,
                                        WallTime now) const {
  Named named;
  auto found = by_value_.find(value);
  const auto mark = value.find(proxy::kCookieDateDelimiter);
  // Where nothing is dated a word may have the mark itself; a cookie may still have dates, of a
  // configuration before.
  if (found == by_value_.end() && mark != value.npos && settings_.mode != Mode::Prefix) {
    const std::string_view dates = value.substr(mark + 1);
    named.last = decode_cookie_date(dates);
    const auto second = dates.find(proxy::kCookieDateDelimiter);
    if (second != dates.npos) named.first = decode_cookie_date(dates.substr(second + 1));
    if (is_too_old(named.first, settings_.max_life, now)) return {.letter = 'O'};
    if (is_too_old(named.last, settings_.max_idle, now)) return {.letter = 'E'};
    found = by_value_.find(value.substr(0, mark));
  }
  if (found == by_value_.end()) return named;
  named.servers = found->second;
  const bool any_up = std::any_of(named.servers.begin(), named.servers.end(), [&](int server) {
    return farm[static_cast<std::size_t>(server)]->up();
  });
  named.letter = any_up ? 'V' : 'D';
  return named;
}

bool Persistence::is_too_old(std::uint32_t then, Duration limit, WallTime now) const {
  if (then == 0 || limit <= Duration::zero()) return false;
  const WallTime moment{std::chrono::seconds(std::int64_t{then} * kDateUnit)};
  return now - moment > limit || moment - now > kFutureTolerated;
}

char Persistence::letter(const Visit& visit, int server) {
  if (visit.letter != 'V' || server == balance::kNoServer) return visit.letter;
  const bool at_home =
      std::find(visit.servers.begin(), visit.servers.end(), server) != visit.servers.end();
  return at_home ? 'V' : 'D';
}

void Persistence::answer(const Visit& visit, int server, const http::RequestHead& request,
                         const http::ResponseHead& response, WallTime now,
                         Reminder& reminder) const {
  reminder.reset();  // its cuts are views into the head they were made for
  const Entry& entry = entries_[static_cast<std::size_t>(server)];
  const bool has_value = !entry.value.empty();
  for (const http::Field& field : response.fields) {
    if (!http::is_set_cookie(field)) continue;
    const http::CookiePair pair = http::set_cookie_pair(field);
    if (pair.name != settings_.name) continue;
    reminder.letter = 'P';
    if (!has_value) continue;
    switch (settings_.mode) {
      case Mode::Insert:
        if (settings_.preserve) break;
        reminder.cuts.add(http::line_of(field));
        reminder.letter = 'D';
        break;
      case Mode::Prefix:
        reminder.cuts.add(pair.value.substr(0, 0), entry.prefix);
        reminder.letter = 'R';
        break;
      case Mode::Rewrite:
        reminder.cuts.add(pair.value, entry.value);
        reminder.letter = 'R';
        break;
    }
  }
  if (settings_.mode != Mode::Insert || reminder.letter == 'P') return;
  if (settings_.postonly && request.method != http::Method::Post) return;

  const bool knows = letter(visit, server) == 'V';
  if (knows && !wants_new_dates(visit, now)) return;
  if (has_value) {
    add_line(entry, visit, now, reminder);
    reminder.letter = knows ? 'U' : 'I';
  } else if (visit.letter != 'N') {
    Lines(reminder) << "set-cookie: " << settings_.name << kForget;
    reminder.letter = 'I';
  }
  if (reminder.size > 0 && settings_.nocache && http::is_cacheable(request.method, response))
    Lines(reminder) << kPrivate;
}

bool Persistence::wants_new_dates(const Visit& visit, WallTime now) const {
  const bool has_passed = visit.last < cookie_date(now);
  if (settings_.dated() ? settings_.max_idle > Duration::zero() && has_passed
                        : visit.last != 0 && has_passed)
    return true;
  return (settings_.max_life > Duration::zero()) == (visit.first == 0);
}

void Persistence::add_line(const Entry& entry, const Visit& visit, WallTime now,
                           Reminder& reminder) const {
  Lines lines(reminder);
  lines << entry.line_head;
  if (settings_.dated()) {
    const auto date = [&](std::uint32_t moment) {
      const auto text = encode_cookie_date(moment);
      lines << proxy::kCookieDateDelimiter << std::string_view(text.data(), text.size());
    };
    date(cookie_date(now));
    // Whoever is sent to another server is no newer for it.
    if (settings_.max_life > Duration::zero())
      date(visit.first != 0 ? visit.first : cookie_date(now));
  }
  lines << line_tail_;
}

}  // namespace hapair::exchange
