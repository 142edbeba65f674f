// What was found wrong in a configuration, as a person reads it.
#include <algorithm>
#include <tuple>

#include "common/config_reader.h"

namespace hapair {
namespace {

/// The line as it may go to a terminal, and where the caret goes under it.
struct ShownLine {
  std::string text;
  std::string pad;
};

ShownLine show(const SourceLocation& where) {
  // Long lines are shown around the column; a caret far outside the window helps nobody.
  constexpr std::size_t kWindow = 160;
  ShownLine shown;
  std::size_t character = 0;  // counted from 1, like columns
  const std::size_t first = where.column > kWindow ? where.column - kWindow / 2 : 1;
  for (std::size_t i = 0; i < where.line_text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(where.line_text[i]);
    const bool continues = (byte & 0xc0) == 0x80;
    if (!continues) ++character;
    if (character < first) continue;
    if (character >= first + kWindow) break;
    // A tab stays a tab, above and below, so that the caret stands right whatever its width.
    const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    shown.text += control ? '?' : where.line_text[i];
    if (!continues && character < where.column) shown.pad += byte == '\t' ? '\t' : ' ';
  }
  // The column may lie just behind the end of the line.
  for (++character; character < where.column && character < first + kWindow; ++character)
    shown.pad += ' ';
  return shown;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  const SourceLocation& where = diagnostic.where;
  const std::string_view level = diagnostic.level == Diagnostic::Level::Error ? "error" : "warning";
  std::string place = where.file;
  if (where.line > 0) place += fmt::format(":{}:{}", where.line, where.column);
  std::string out = place.empty() ? fmt::format("{}: {}\n", level, diagnostic.message)
                                  : fmt::format("{}: {}: {}\n", place, level, diagnostic.message);
  if (where.line == 0) {
    if (!diagnostic.hint.empty()) out += fmt::format("  {}\n", diagnostic.hint);
    return out;
  }
  const ShownLine line = show(where);
  out += fmt::format("{:5} | {}\n", where.line, line.text);
  out += fmt::format("      | {}^{}{}\n", line.pad, diagnostic.hint.empty() ? "" : " ",
                     diagnostic.hint);
  return out;
}

void Diagnostics::add(Diagnostic diagnostic) {
  for (const Diagnostic& known : list_)
    if (known.level == diagnostic.level && known.message == diagnostic.message &&
        known.where.file == diagnostic.where.file && known.where.line == diagnostic.where.line &&
        known.where.column == diagnostic.where.column)
      return;
  list_.push_back(std::move(diagnostic));
}

void Diagnostics::error(const SourceLocation& where, std::string message, std::string hint) {
  add({Diagnostic::Level::Error, where, std::move(message), std::move(hint)});
}

void Diagnostics::warning(const SourceLocation& where, std::string message, std::string hint) {
  add({Diagnostic::Level::Warning, where, std::move(message), std::move(hint)});
}

bool Diagnostics::has_errors() const {
  return std::any_of(list_.begin(), list_.end(), [](const Diagnostic& diagnostic) {
    return diagnostic.level == Diagnostic::Level::Error;
  });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<std::string_view> files;
  for (const Diagnostic& diagnostic : list_)
    if (std::find(files.begin(), files.end(), diagnostic.where.file) == files.end())
      files.push_back(diagnostic.where.file);
  const auto rank = [&files](const SourceLocation& where) {
    return std::tuple(std::find(files.begin(), files.end(), where.file), where.line, where.column);
  };
  std::vector<Diagnostic> list = list_;
  std::stable_sort(list.begin(), list.end(), [&rank](const Diagnostic& a, const Diagnostic& b) {
    return rank(a.where) < rank(b.where);
  });
  return list;
}

std::string Diagnostics::to_string() const {
  std::string out;
  for (const Diagnostic& diagnostic : sorted()) out += hapair::to_string(diagnostic);
  return out;
}

}  // namespace hapair
