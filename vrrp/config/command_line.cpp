#include "vrrp/config/command_line.h"

#include <utility>

namespace hapair::vrrp {
namespace {

constexpr std::string_view kShellOnly = "|&;<>()$`*?[]~#\n";

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\'') {
      if (c == '\'')
        quote = 0;
      else
        word += c;
    } else if (c == '\\') {
      if (++i == text.size()) return fail(Errc::Syntax, "the command ends in a backslash");
      // Within double quotes a shell keeps the backslash unless it protects something.
      if (quote == '"' && text[i] != '"' && text[i] != '\\') word += '\\';
      word += text[i];
      in_word = true;
    } else if (quote == '"') {
      if (c == '"')
        quote = 0;
      else if (c == '$' || c == '`')
        return fail(Errc::Syntax, "'{}' needs a shell: write [\"sh\", \"-c\", \"…\"]", c);
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;  // '' is an argument too
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else if (kShellOnly.find(c) != kShellOnly.npos) {
      return fail(Errc::Syntax, "'{}' needs a shell: write [\"sh\", \"-c\", \"…\"]",
                  c == '\n' ? std::string_view("\\n") : std::string_view(&text[i], 1));
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote) return fail(Errc::Syntax, "the command has an open {} quote", quote);
  if (in_word) words.push_back(std::move(word));
  if (words.empty() || words.front().empty()) return fail(Errc::Syntax, "the command is empty");
  return words;
}

}  // namespace hapair::vrrp
