#include "vrrp/core/codec_memory.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

constexpr std::string_view kVersion = "hapair-vrrp-sequences 1";

std::uint32_t number_of(std::uint32_t sequence) {
  return sequence;
}
std::uint64_t number_of(Stamp stamp) {
  return stamp.value;
}

/// "192.168.50.12=4711,192.168.50.13=12", "-" if there is none.
template <typename Mark>
std::string write_marks(const std::vector<typename SenderMarks<Mark>::Entry>& marks) {
  if (marks.empty()) return "-";
  std::string out;
  for (const auto& [sender, mark] : marks)
    fmt::format_to(std::back_inserter(out), "{}{}={}", out.empty() ? "" : ",", sender.to_string(),
                   number_of(mark));
  return out;
}

/// False: they cannot be read.
template <typename Mark>
bool read_marks(std::string_view text, std::vector<typename SenderMarks<Mark>::Entry>& out) {
  if (text == "-") return true;
  for (const std::string_view item : split(text, ',')) {
    const auto sign = item.find('=');
    if (sign == item.npos) return false;
    const auto sender = IpAddress::parse(item.substr(0, sign));
    const auto number = parse_number<decltype(number_of(Mark{}))>(item.substr(sign + 1));
    if (!sender || !number) return false;
    out.push_back({*sender, Mark{*number}});
  }
  return true;
}

/// "SEQUENCE HEARD STAMP HEARD INSTANCE"
std::optional<std::pair<std::string, AdvertCodec::Memory>> parse(std::string_view line) {
  std::array<std::string_view, 4> words;
  for (std::string_view& word : words) {
    const auto end = line.find(' ');
    if (end == line.npos) return std::nullopt;
    word = line.substr(0, end);
    line.remove_prefix(end + 1);
  }
  const auto sequence = parse_number<std::uint32_t>(words[0]);
  const auto stamp = parse_number<std::uint64_t>(words[2]);
  if (!sequence || !stamp || line.empty()) return std::nullopt;
  AdvertCodec::Memory memory{.sequence = *sequence, .stamp = Stamp{*stamp}};
  if (!read_marks<std::uint32_t>(words[1], memory.sequences) ||
      !read_marks<Stamp>(words[3], memory.stamps))
    return std::nullopt;
  return std::pair(std::string(line), std::move(memory));
}

}  // namespace

std::string write_memories(const CodecMemories& memories) {
  std::string out = fmt::format("{}\n", kVersion);
  for (const auto& [instance, memory] : memories)
    fmt::format_to(std::back_inserter(out), "{} {} {} {} {}\n", memory.sequence,
                   write_marks<std::uint32_t>(memory.sequences), memory.stamp.value,
                   write_marks<Stamp>(memory.stamps), instance);
  return out;
}

CodecMemories read_memories(std::string_view text) {
  CodecMemories out;
  const auto lines = split(text, '\n');
  if (lines.front() != kVersion) return out;
  for (const std::string_view line : std::span(lines).subspan(1))
    if (auto memory = parse(line)) out.insert(*std::move(memory));
  return out;
}

}  // namespace hapair::vrrp
