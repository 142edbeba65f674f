#include "vrrp/core/succession.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <iterator>

#include "common/text.h"
#include "vrrp/core/codec_memory.h"

namespace hapair::vrrp {
namespace {

constexpr std::string_view kTitle = "hapair-vrrp-succession";
constexpr std::string_view kNone = "-";
// Where the lines end; those of the codecs follow, in their own form.
constexpr std::string_view kCodecs = "codecs";

// ---- to text: each word is followed by a space

void put(std::string& out, bool value) {
  out += value ? "yes " : "no ";
}
void put(std::string& out, std::integral auto value) {
  fmt::format_to(std::back_inserter(out), "{} ", value);
}
void put(std::string& out, Duration value) {
  put(out, std::int64_t{value.count()});
}
void put(std::string& out, TimePoint value) {
  put(out, Duration(value.time_since_epoch()));
}
void put(std::string& out, State value) {
  (out += to_string(value)) += ' ';
}
void put(std::string& out, Cause::Kind value) {
  put(out, static_cast<int>(value));
}
void put(std::string& out, const IpAddress& value) {
  (out += value.to_string()) += ' ';
}
template <typename T>
void put(std::string& out, const std::optional<T>& value) {
  if (value)
    put(out, *value);
  else
    (out += kNone) += ' ';
}

// ---- and back

/// A line's words, from the first on. After one that is none of its kind everything is refused.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  bool is_good() const { return good_; }
  bool is_all() const { return good_ && rest_.empty(); }
  /// What is left is one thing, and there is some.
  std::string name() {
    good_ = good_ && !rest_.empty();
    return std::string(rest_);
  }
  std::string_view word() {
    const auto end = rest_.find(' ');
    good_ = good_ && end != rest_.npos;
    if (!good_) return {};
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return word;
  }

  void get(bool& out) {
    const std::string_view text = word();
    good_ = good_ && (text == "yes" || text == "no");
    out = text == "yes";
  }
  void get(std::integral auto& out) {
    set(out, parse_number<std::remove_reference_t<decltype(out)>>(word()));
  }
  void get(Duration& out) {
    std::int64_t count = 0;
    get(count);
    out = Duration(count);
  }
  void get(TimePoint& out) {
    Duration since{};
    get(since);
    out = TimePoint(since);
  }
  void get(State& out) { set(out, parse_state(word())); }
  void get(Cause::Kind& out) {
    int number = 0;
    get(number);
    good_ = good_ && number >= 0 && number <= static_cast<int>(Cause::Kind::Shutdown);
    if (good_) out = static_cast<Cause::Kind>(number);
  }
  void get(IpAddress& out) {
    const auto address = IpAddress::parse(word());
    good_ = good_ && address;
    if (good_) out = *address;
  }
  template <typename T>
  void get(std::optional<T>& out) {
    if (rest_.starts_with("- ")) {
      rest_.remove_prefix(2);
      out.reset();
    } else {
      get(out.emplace());
    }
  }

 private:
  template <typename T>
  void set(T& out, const std::optional<T>& value) {
    good_ = good_ && value;
    if (good_) out = *value;
  }

  std::string_view rest_;
  bool good_ = true;
};

/// In the order of the line, for both ways.
void each(auto& memory, const auto& visit) {
  visit(memory.state);
  visit(memory.cause.kind);
  visit(memory.cause.rival);
  visit(memory.cause.priority);
  visit(memory.master_interval);
  visit(memory.deadline);
  visit(memory.master);
  visit(memory.master_priority);
  visit(memory.peer_priority);
  visit(memory.gave);
  visit(memory.resigned);
  visit(memory.quiet_until);
  visit(memory.grace_until);
  visit(memory.preempt_from);
}

void each(auto& reading, const auto& visit) requires requires {
  reading.is_known;
}
{
  visit(reading.is_number);
  visit(reading.is_known);
  visit(reading.level);
}

bool read_line(std::string_view line, Succession& out) {
  Words words(line);
  const auto get = [&words](auto& value) { words.get(value); };
  const std::string_view what = words.word();
  if (what == "guardian") {
    get(out.guardian);
    return words.is_all() && out.guardian >= 0;
  }
  if (what == "router") {
    Succession::Router& router = out.routers.emplace_back();
    each(router.election, get);
    router.instance = words.name();
    return words.is_good();
  }
  if (what == "tracker") {
    Succession::Found& found = out.found.emplace_back();
    get(found.kind);
    each(found.reading, get);
    found.name = words.name();
    return words.is_good();
  }
  return false;
}

std::string title() {
  return fmt::format("{} {}", kTitle, kSuccessionVersion);
}

}  // namespace

std::string write_succession(const Succession& succession) {
  std::string out = title() + '\n';
  const auto put_next = [&out](const auto& value) { put(out, value); };
  if (succession.guardian >= 0) out += fmt::format("guardian {} \n", succession.guardian);
  for (const Succession::Found& found : succession.found) {
    out += "tracker ";
    put(out, found.kind);
    each(found.reading, put_next);
    (out += found.name) += '\n';
  }
  CodecMemories codecs;
  for (const Succession::Router& router : succession.routers) {
    out += "router ";
    each(router.election, put_next);
    (out += router.instance) += '\n';
    codecs.emplace(router.instance, router.codec);
  }
  ((out += kCodecs) += '\n') += write_memories(codecs);
  return out;
}

Result<Succession> read_succession(std::string_view text) {
  Succession out;
  for (int number = 1;; ++number) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const auto refuse = [&] {
      return fail(Errc::Syntax, "line {} of what was handed over cannot be read: {}", number,
                  line.substr(0, 200));
    };
    if (end == text.npos) return refuse();
    text.remove_prefix(end + 1);
    if (number == 1 ? line == title() : read_line(line, out)) continue;
    if (number == 1 || line != kCodecs) return refuse();
    break;
  }
  auto codecs = read_memories(text);
  for (Succession::Router& router : out.routers) {
    auto codec = codecs.extract(router.instance);
    if (!codec)
      return fail(Errc::Syntax, "the numbers of {} were not handed over", router.instance);
    router.codec = std::move(codec.mapped());
  }
  return out;
}

}  // namespace hapair::vrrp
