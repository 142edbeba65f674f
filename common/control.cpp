#include "common/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "common/text.h"

namespace hapair::control {
namespace {

// What every control socket understands.
constexpr std::array kOwnVerbs = {
    Verb{"help [<command>]", "list matching or all commands", Level::User},
    Verb{"prompt [n|i|p]", "stay connected: no, yes, yes with a prompt (default: toggle)",
         Level::User},
    Verb{"quit", "disconnect", Level::User},
};
// Those that help lists among the others.
constexpr std::array kSessionVerbs = {
    Verb{"operator", "lower the level of this connection to operator", Level::Operator},
    Verb{"set timeout cli <delay>", "change this connection's idle timeout", Level::User},
    Verb{"show cli level", "tell the level of this connection", Level::User},
    Verb{"user", "lower the level of this connection to user", Level::User},
};

constexpr std::string_view kDenied = "Permission denied\n";
constexpr std::string_view kLongHead = "The head of the request is too long.\n";

/// The words that name a verb.
std::vector<std::string_view> name_of(const Verb& verb) {
  std::vector<std::string_view> words = split(verb.usage, ' ');
  const auto argument = std::find_if(words.begin(), words.end(), [](std::string_view word) {
    return word.empty() || std::string_view("<[{(").find(word.front()) != std::string_view::npos;
  });
  words.erase(argument, words.end());
  return words;
}

bool begins_with(std::span<const std::string> words, std::span<const std::string_view> name) {
  return words.size() >= name.size() && std::equal(name.begin(), name.end(), words.begin());
}

void append_verb(std::string& out, const Verb& verb) {
  fmt::format_to(std::back_inserter(out), "  {:<40}: {}\n", verb.usage, verb.summary);
}

/// The owner's verbs and ours, by name.
std::vector<const Verb*> listed(std::span<const Verb> verbs) {
  std::vector<const Verb*> all;
  for (const Verb& verb : verbs) all.push_back(&verb);
  for (const Verb& verb : kSessionVerbs) all.push_back(&verb);
  std::sort(all.begin(), all.end(),
            [](const Verb* a, const Verb* b) { return a->usage < b->usage; });
  return all;
}

void append_own_verbs(std::string& out) {
  for (const Verb& verb : kOwnVerbs) append_verb(out, verb);
}

std::string help(std::span<const Verb> verbs, Level level, std::span<const std::string> topic) {
  std::string out = "The following commands are valid at this level:\n";
  for (const Verb* verb : listed(verbs)) {
    if (verb->level > level) continue;
    const auto name = name_of(*verb);
    const std::size_t common = std::min(name.size(), topic.size());
    if (std::equal(topic.begin(), topic.begin() + static_cast<std::ptrdiff_t>(common),
                   name.begin(), name.begin() + static_cast<std::ptrdiff_t>(common)))
      append_verb(out, *verb);
  }
  append_own_verbs(out);
  return out;
}

}  // namespace

std::string_view word(Level level) {
  switch (level) {
    case Level::User: return "user";
    case Level::Operator: return "operator";
    case Level::Admin: return "admin";
  }
  return "unknown";
}

std::vector<std::vector<std::string>> split_commands(std::string_view line) {
  std::vector<std::vector<std::string>> commands(1);
  std::string word;
  bool in_word = false;
  const auto end_word = [&] {
    if (std::exchange(in_word, false)) commands.back().push_back(std::exchange(word, {}));
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (c == ' ' || c == '\t') {
      end_word();
      continue;
    }
    if (c == ';') {
      end_word();
      commands.emplace_back();
      continue;
    }
    if (c == '\\' && i + 1 < line.size()) c = line[++i];
    word += c;
    in_word = true;
  }
  end_word();
  // "show info;" is one command, and an empty line is an empty one.
  if (commands.size() > 1)
    std::erase_if(commands, [](const auto& command) { return command.empty(); });
  if (commands.empty()) commands.emplace_back();
  return commands;
}

std::string unknown_command(std::span<const Verb> verbs, std::span<const std::string> words) {
  const std::vector<const Verb*> all = listed(verbs);
  std::vector<const Verb*> near;
  // As many words as possible are right: of those that share the most, the ones whose next word is
  // close to what was typed, or all if none is.
  std::size_t most = 0;
  for (const Verb* verb : all) {
    const auto name = name_of(*verb);
    const auto stop = std::mismatch(name.begin(), name.end(), words.begin(), words.end()).first;
    const auto shared = static_cast<std::size_t>(stop - name.begin());
    if (shared > most) {
      most = shared;
      near.clear();
    }
    if (shared == most && (most > 0 || !words.empty())) near.push_back(verb);
  }
  std::vector<std::string> candidates;
  for (const Verb* verb : near) {
    const auto name = name_of(*verb);
    candidates.emplace_back(most < name.size() ? name[most] : std::string_view{});
  }
  if (most < words.size()) {
    const std::string& typed = words[most];
    const auto close = nearest_word(typed, candidates);
    std::vector<const Verb*> closest;
    for (std::size_t i = 0; i < near.size(); ++i)
      if (candidates[i] == close || (!typed.empty() && candidates[i].starts_with(typed)))
        closest.push_back(near[i]);
    if (!closest.empty())
      near = std::move(closest);
    else if (most == 0)
      near.clear();
  }
  std::string out;
  if (near.empty()) {
    out = "Unknown command. Please enter one of the following commands only:\n";
    near = all;
  } else {
    out = "Unknown command, but maybe one of the following ones is a better match:\n";
  }
  for (const Verb* verb : near) append_verb(out, *verb);
  append_own_verbs(out);
  return out;
}

void Conversation::on_bytes(std::string_view bytes) {
  if (over_) return;
  input_ += bytes;
}

std::optional<Line> Conversation::next() {
  while (!waiting_ && !over_ && output_.size() < kEnoughOutput) {
    if (commands_.empty()) {
      const auto end = input_.find('\n');
      if (std::min(end, input_.size()) > kLongestLine) {
        if (request_) {
          respond(431, kLongHead);
        } else {
          answer(fmt::format("Command line too long: more than {} bytes.\n", kLongestLine));
          over_ = true;
        }
        break;
      }
      // Whoever ends without a newline has still said something.
      if (end == input_.npos && !(ended_ && !input_.empty())) {
        if (request_ && ended_) {
          begin_page();
          continue;
        }
        on_lines_done();
        break;
      }
      const std::string line = input_.substr(0, end);
      input_.erase(0, end == input_.npos ? end : end + 1);
      begin_line(line);
      continue;
    }
    std::vector<std::string> words = std::move(commands_.back());
    commands_.pop_back();
    if (answer_ourselves(words)) continue;
    const auto verb = std::find_if(verbs_.begin(), verbs_.end(), [&](const Verb& candidate) {
      return begins_with(words, name_of(candidate));
    });
    if (verb == verbs_.end()) {
      answer(unknown_command(verbs_, words));
    } else if (verb->level > level_) {
      request_ ? respond(403, kDenied) : answer(kDenied);
    } else {
      waiting_ = true;
      return Line{static_cast<std::size_t>(verb - verbs_.begin()), std::move(words)};
    }
  }
  return std::nullopt;
}

void Conversation::begin_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!std::exchange(heard_any_, true) && !pages_.empty()) request_ = parse_request_line(line);
  if (request_) return on_head_line(line);
  commands_ = split_commands(line);
  std::reverse(commands_.begin(), commands_.end());
}

void Conversation::on_head_line(std::string_view line) {
  head_size_ += line.size() + 1;
  if (head_size_ > kLongestLine) return respond(431, kLongHead);
  if (line.empty()) begin_page();
}

void Conversation::begin_page() {
  if (request_->method != "GET") return respond(405, "Only GET is understood here.\n");
  const auto page = std::find_if(pages_.begin(), pages_.end(), [&](const Page& candidate) {
    return candidate.path == request_->path;
  });
  if (page == pages_.end()) {
    std::string known = "There is no such page here. There are:\n";
    for (const Page& one : pages_) known += fmt::format("{}\n", one.path);
    return respond(404, known);
  }
  content_type_ = page->content_type;
  commands_ = split_commands(page->command);
}

void Conversation::respond(int status, std::string_view text) {
  output_ +=
      http_response(status, status == 200 ? content_type_ : "text/plain; charset=utf-8", text);
  over_ = true;
}

void Conversation::on_lines_done() {
  over_ = ended_ || (answered_any_ && !interactive_ && input_.empty());
}

bool Conversation::answer_ourselves(const std::vector<std::string>& words) {
  if (words.empty()) return false;
  const std::string& first = words[0];
  const std::string_view second = words.size() > 1 ? std::string_view(words[1]) : "";
  if (first == "quit") {
    over_ = true;
  } else if (first == "prompt") {
    if (second.empty())
      interactive_ = prompting_ = !interactive_;
    else if (second == "n" || second == "i" || second == "p")
      interactive_ = second != "n", prompting_ = second == "p";
    else
      return answer("prompt takes 'n' (no), 'i' (stay) or 'p' (stay, with a prompt).\n"), true;
    answer("");
  } else if (first == "help") {
    answer(help(verbs_, level_, std::span(words).subspan(1)));
  } else if ((first == "user" || first == "operator") && words.size() == 1) {
    const Level wanted = first == "user" ? Level::User : Level::Operator;
    if (wanted > level_) return answer(kDenied), true;
    level_ = wanted;
    answer("");
  } else if (first == "set" && second == "timeout") {
    answer(set_timeout(words));
  } else if (first == "show" && second == "cli" && words.size() > 2 && words[2] == "level") {
    answer(fmt::format("{}\n", word(level_)));
  } else {
    return false;
  }
  return true;
}

std::string Conversation::set_timeout(const std::vector<std::string>& words) {
  if (words.size() < 4 || words[2] != "cli") return "Usage: set timeout cli <delay>\n";
  // HAProxy reads a bare number as seconds; with a unit it is a duration as in the configuration.
  const std::string& delay = words[3];
  const bool bare = delay.find_first_not_of("0123456789") == delay.npos;
  const auto value = parse_duration(bare ? delay + "s" : delay);
  if (!value || *value <= Duration::zero() || *value > std::chrono::hours(24))
    return fmt::format("Invalid timeout '{}': a delay between 1ms and 24h is expected.\n", delay);
  timeout_ = *value;
  return {};
}

void Conversation::on_answer(std::string_view text) {
  waiting_ = false;
  request_ ? respond(200, text) : answer(text);
}

void Conversation::answer(std::string_view text) {
  answered_any_ = true;
  output_ += text;
  if (!text.empty() && !text.ends_with('\n')) output_ += '\n';
  output_ += '\n';
  if (prompting_) output_ += "> ";
}

}  // namespace hapair::control
