#include "ctl/drill_options.h"

#include <vector>

#include "common/text.h"

namespace hapair::ctl {
namespace {

namespace drill = vrrp::drill;

tl::unexpected<Error> no_drill(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& one : drill::descriptions()) names.emplace_back(one.name);
  if (const auto near = nearest_word(name, names))
    return fail(Errc::NotFound, "'{}' is no drill: did you mean {}?", name, *near);
  return fail(Errc::NotFound, "'{}' is no drill: hapair drill lists them", name);
}

}  // namespace

Result<DrillOptions> DrillOptions::parse(std::span<const std::string_view> words,
                                         std::string socket) {
  DrillOptions out{
      .kind = {}, .instance = {}, .probe = {}, .limit = {}, .socket = std::move(socket)};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const auto value = [&]() -> std::optional<std::string_view> {
      return ++i < words.size() ? std::optional(words[i]) : std::nullopt;
    };
    if (word == "--json") {
      out.json = true;
    } else if (word == "-h" || word == "--help") {
      out.help = true;
    } else if (word == "--socket") {
      const auto path = value();
      if (!path) return fail(Errc::Syntax, "--socket needs the path of a control socket");
      out.socket = *path;
    } else if (word == "--instance") {
      const auto name = value();
      if (!name || name->empty() || name->find('\n') != name->npos)
        return fail(Errc::Syntax, "--instance needs the name of a VRRP instance");
      out.instance = *name;
    } else if (word == "--probe") {
      auto target = ProbeTarget::parse(value().value_or(""));
      if (!target) return tl::make_unexpected(target.error());
      out.probe = *std::move(target);
    } else if (word == "--limit") {
      const auto count = parse_number<std::uint32_t>(value().value_or(""));
      if (!count) return fail(Errc::Syntax, "--limit needs milliseconds, a whole number");
      out.limit = std::chrono::milliseconds(*count);
    } else if (word == "--hold") {
      constexpr auto kMost =
          std::chrono::duration_cast<std::chrono::seconds>(drill::kLongestHold).count();
      const auto count = parse_number<std::uint32_t>(value().value_or(""));
      if (!count || *count < 1 || *count > kMost)
        return fail(Errc::Range, "--hold needs seconds, a whole number from 1 to {}", kMost);
      out.hold = std::chrono::seconds(*count);
    } else if (word.starts_with('-')) {
      return fail(Errc::NotFound, "drill has no option {}", word);
    } else if (out.kind) {
      return fail(Errc::Syntax, "one drill at a time");
    } else if (const drill::Description* found = drill::find(word)) {
      out.kind = found->kind;
    } else {
      return no_drill(word);
    }
  }
  return out;
}

}  // namespace hapair::ctl
