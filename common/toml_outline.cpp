// Reads the structure of a TOML text, remembering places.
#include "common/toml_outline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/text.h"

namespace hapair {
namespace {

constexpr int kDeepest = 64;

bool is_bare(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | ((code >> 18) & 0x07));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

/// The first byte that is not well-formed UTF-8 (RFC 3629), or npos.
std::size_t find_bad_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80                   ? 0
                             : lead >= 0xc2 && lead < 0xe0 ? 1
                             : lead >= 0xe0 && lead < 0xf0 ? 2
                             : lead >= 0xf0 && lead < 0xf5 ? 3
                                                           : 4;
    if (more == 4 || i + more >= text.size() + (more == 0)) return i;
    for (std::size_t j = 1; j <= more; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      unsigned low = 0x80, high = 0xbf;
      if (j == 1 && lead == 0xe0) low = 0xa0;   // overlong
      if (j == 1 && lead == 0xed) high = 0x9f;  // surrogates
      if (j == 1 && lead == 0xf0) low = 0x90;   // overlong
      if (j == 1 && lead == 0xf4) high = 0x8f;  // above U+10FFFF
      if (next < low || next > high) return i;
    }
    i += more + 1;
  }
  return std::string_view::npos;
}

/// True of every number TOML knows, and of what has the look of a date (the library judges those).
bool looks_like_number_or_date(std::string_view word) {
  if (word.size() >= 5 && is_digit(word[0]) && (word[2] == ':' || word[4] == '-')) return true;
  if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
  if (word == "inf" || word == "nan") return true;
  const auto digits = [&word](std::string_view allowed) {
    std::size_t count = 0;
    bool was_digit = false;
    while (!word.empty()) {
      const bool digit = allowed.find(word.front()) != allowed.npos;
      if (!digit && !(word.front() == '_' && was_digit)) break;
      was_digit = digit;
      if (digit) ++count;
      word.remove_prefix(1);
    }
    return count > 0 && was_digit;
  };
  for (const auto& [prefix, allowed] :
       {std::pair<std::string_view, std::string_view>{"0x", "0123456789abcdefABCDEF"},
        {"0o", "01234567"},
        {"0b", "01"}}) {
    if (!word.starts_with(prefix)) continue;
    word.remove_prefix(2);
    return digits(allowed) && word.empty();
  }
  constexpr std::string_view decimal = "0123456789";
  if (word.size() > 1 && word[0] == '0' && (is_digit(word[1]) || word[1] == '_')) return false;
  if (!digits(decimal)) return false;
  if (word.starts_with('.')) {
    word.remove_prefix(1);
    if (!digits(decimal)) return false;
  }
  if (word.starts_with('e') || word.starts_with('E')) {
    word.remove_prefix(1);
    if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
    if (!digits(decimal)) return false;
  }
  return word.empty();
}

/// False of an integer the library would silently cut.
bool fits_64_bits(std::string_view word) {
  const bool other_base = word.size() > 2 && word[0] == '0' && !is_digit(word[1]) && word[1] != '.';
  if (!other_base && word.find_first_not_of("+-_0123456789") != word.npos) return true;
  if (word.find('-', 1) != word.npos) return true;  // a date
  std::string digits;
  for (const char c : word.substr(other_base ? 2 : 0))
    if (c != '_' && c != '+') digits += c;
  if (other_base && word[1] != 'x' && word[1] != 'o' && word[1] != 'b') return true;  // 0e5
  const int base = !other_base ? 10 : word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : 2;
  std::int64_t value = 0;
  return std::from_chars(digits.data(), digits.data() + digits.size(), value, base).ec ==
         std::errc{};
}

/// One word of a dotted key.
struct KeyPart {
  std::string text;
  std::size_t at;
};

class OutlineReader {
 public:
  explicit OutlineReader(std::string_view text) : text_(text) {}

  TomlOutline read() {
    refuse_foreign_bytes();
    TomlOutline root;
    current_ = &root;
    while (!at_end()) {
      skip_blanks();
      if (peek() == '[')
        read_header(root);
      else if (!at_line_end())
        read_pair(*current_, depth_of_header_);
      end_line();
    }
    return root;
  }

 private:
  // A mistake ends the reading from any depth; caught in read_toml_outline below.
  [[noreturn]] static void fail_at(std::size_t at, std::string message, std::string hint = {}) {
    throw TomlMistake{at, std::move(message), std::move(hint)};
  }

  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\n' : text_[at_]; }
  bool sees(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  bool at_line_end() const { return at_end() || peek() == '\n' || peek() == '\r' || peek() == '#'; }

  void skip_blanks() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  void skip_comment() {
    if (!at_end() && text_[at_] == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  }
  /// Blanks, comments and line ends, as allowed inside arrays.
  void skip_space() {
    for (;;) {
      skip_blanks();
      skip_comment();
      if (at_end() || (peek() != '\n' && peek() != '\r')) return;
      ++at_;
    }
  }

  std::string shown(std::size_t at) const {
    if (at >= text_.size()) return "the end of the file";
    if (text_[at] == '\n' || text_[at] == '\r') return "the end of the line";
    std::size_t length = 1;  // a whole character
    while (at + length < text_.size() && (text_[at + length] & 0xc0) == 0x80) ++length;
    return fmt::format("'{}'", text_.substr(at, length));
  }

  void refuse_foreign_bytes() const {
    if (const auto bad = find_bad_utf8(text_); bad != text_.npos)
      fail_at(bad, "this is not UTF-8 text", "write the file in UTF-8");
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const auto c = static_cast<unsigned char>(text_[i]);
      const bool line_end =
          c == '\n' || (c == '\r' && i + 1 < text_.size() && text_[i + 1] == '\n');
      if ((c < 0x20 && c != '\t' && !line_end) || c == 0x7f)
        fail_at(i, fmt::format("control byte 0x{:02x} in the text", c),
                fmt::format("inside a string in double quotes write \\u{:04x}", c));
    }
  }

  void end_line() {
    skip_blanks();
    skip_comment();
    if (at_end()) return;
    if (peek() == '\r') ++at_;
    if (peek() != '\n') {
      const bool two_pairs = is_bare(peek()) || peek() == '"' || peek() == '\'';
      fail_at(at_, fmt::format("unexpected {} after the value", shown(at_)),
              two_pairs ? "one key = value a line" : "");
    }
    ++at_;
  }

  std::vector<KeyPart> read_key() {
    std::vector<KeyPart> parts;
    for (;;) {
      skip_blanks();
      const std::size_t begin = at_;
      if (peek() == '"' || peek() == '\'') {
        if (sees("\"\"\"") || sees("'''")) fail_at(at_, "a key is not a string of several lines");
        parts.push_back({read_quoted_key(), begin});
      } else {
        while (!at_end() && is_bare(text_[at_])) ++at_;
        if (at_ == begin)
          fail_at(at_, fmt::format("expected a key, found {}", shown(at_)),
                  parts.empty() ? "" : "a name must follow the dot");
        parts.push_back({std::string(text_.substr(begin, at_ - begin)), begin});
      }
      if (parts.size() > kDeepest) fail_at(begin, "tables are nested too deep");
      skip_blanks();
      if (peek() != '.') return parts;
      ++at_;
    }
  }

  std::string read_quoted_key() {
    const std::size_t begin = at_;
    skip_string();
    const std::string_view raw = text_.substr(begin + 1, at_ - begin - 2);
    if (text_[begin] == '\'') return std::string(raw);
    std::string key;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\' || i + 1 >= raw.size()) {
        key += raw[i];
        continue;
      }
      const char escape = raw[++i];
      constexpr std::string_view letters = "btnfr\"\\", bytes = "\b\t\n\f\r\"\\";
      const std::size_t digits = escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
      if (const auto index = letters.find(escape); index != letters.npos) {
        key += bytes[index];
      } else if (digits > 0 && i + digits < raw.size()) {
        std::uint32_t code = 0;
        const auto* from = raw.data() + i + 1;
        if (std::from_chars(from, from + digits, code, 16).ptr == from + digits)
          append_utf8(key, code);
        i += digits;
      }  // anything else the library refuses
    }
    return key;
  }

  /// Steps over a string of any kind; at_ stands on its first quote.
  void skip_string() {
    const std::size_t begin = at_;
    const char quote = text_[at_];
    const bool escapes = quote == '"';
    const std::string triple(3, quote);
    const bool long_form = sees(triple);
    at_ += long_form ? 3 : 1;
    for (; !at_end(); ++at_) {
      const char c = text_[at_];
      if (!long_form && (c == '\n' || c == '\r')) break;
      if (c == '\\' && escapes) {
        ++at_;  // the escaped byte cannot end the string
        if (at_end() || (!long_form && (text_[at_] == '\n' || text_[at_] == '\r'))) break;
        continue;
      }
      if (c != quote) continue;
      if (!long_form) {
        ++at_;
        return;
      }
      if (!sees(triple)) continue;
      at_ += 3;
      // Up to two quotes may stand right before the closing three.
      for (int extra = 0; extra < 2 && peek() == quote && !at_end(); ++extra) ++at_;
      return;
    }
    fail_at(begin, "this string has no closing quote",
            fmt::format("end it with {}", long_form ? triple : std::string(1, quote)));
  }

  /// The table below `parent` that a [header] or a dotted key goes through.
  TomlOutline& step_into(TomlOutline& parent, const KeyPart& part, bool dotted) {
    TomlOutline::Entry* entry = parent.find(part.text);
    if (!entry) {
      parent.entries.push_back({part.text, part.at, {}});
      entry = &parent.entries.back();
      entry->value.at = part.at;
      entry->value.origin = dotted ? TomlOutline::Origin::Dotted : TomlOutline::Origin::Implied;
      return entry->value;
    }
    TomlOutline& value = entry->value;
    if (value.is_table_array && !dotted) return value.items.back();
    if (value.kind != TomlOutline::Kind::Table)
      fail_at(part.at, fmt::format("'{}' is a value already, not a table", part.text),
              written_at(entry->key_at));
    if (value.origin == TomlOutline::Origin::Inline ||
        (dotted && value.origin == TomlOutline::Origin::Header))
      fail_at(part.at,
              fmt::format("the table '{}' is complete: nothing can be added here", part.text),
              written_at(entry->key_at));
    return value;
  }

  std::ptrdiff_t line_of(std::size_t at) const {
    return 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  }
  std::string written_at(std::size_t at) const {
    return fmt::format("first written on line {}", line_of(at));
  }

  void read_header(TomlOutline& root) {
    const std::size_t begin = at_;
    const bool array = sees("[[");
    at_ += array ? 2 : 1;
    const std::vector<KeyPart> parts = read_key();
    const std::string_view close = array ? "]]" : "]";
    if (!sees(close))
      fail_at(at_, fmt::format("expected '{}' at the end of the table's name, found {}", close,
                               shown(at_)));
    at_ += close.size();

    TomlOutline* table = &root;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) table = &step_into(*table, parts[i], false);
    const KeyPart& last = parts.back();
    TomlOutline::Entry* entry = table->find(last.text);
    if (array) {
      if (!entry) {
        table->entries.push_back({last.text, last.at, {}});
        entry = &table->entries.back();
        entry->value.kind = TomlOutline::Kind::Array;
        entry->value.is_table_array = true;
        entry->value.at = begin;
      } else if (!entry->value.is_table_array) {
        fail_at(last.at, fmt::format("'{}' is not a list of [[tables]]", last.text),
                entry->value.origin == TomlOutline::Origin::Header
                    ? fmt::format("line {} makes it a single table: write [[…]] there too",
                                  line_of(entry->value.at))
                    : written_at(entry->key_at));
      }
      entry->value.items.emplace_back();
      table = &entry->value.items.back();
    } else {
      if (entry && entry->value.is_table_array)
        fail_at(last.at, fmt::format("'{}' is a list of tables", last.text),
                fmt::format("write [[{}]]", trim(text_.substr(begin + 1, at_ - begin - 2))));
      if (entry && (entry->value.origin != TomlOutline::Origin::Implied ||
                    entry->value.kind != TomlOutline::Kind::Table))
        fail_at(last.at, fmt::format("'{}' is defined twice", last.text),
                written_at(entry->value.origin == TomlOutline::Origin::Header ? entry->value.at
                                                                              : entry->key_at));
      table = &step_into(*table, last, false);
    }
    table->at = begin;
    table->origin = TomlOutline::Origin::Header;
    current_ = table;
    depth_of_header_ = static_cast<int>(parts.size());
  }

  /// key = value, into `table`. `depth` is that of `table`.
  void read_pair(TomlOutline& table, int depth) {
    const std::size_t begin = at_;
    const std::vector<KeyPart> parts = read_key();
    if (peek() != '=' || at_end()) {
      const bool colon = peek() == ':';
      fail_at(at_, fmt::format("expected '=' after the key, found {}", shown(at_)),
              colon ? "TOML writes key = value"
                    : fmt::format("write {} = …", text_.substr(begin, at_ - begin)));
    }
    ++at_;
    TomlOutline* parent = &table;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) parent = &step_into(*parent, parts[i], true);
    const KeyPart& last = parts.back();
    if (const TomlOutline::Entry* twin = parent->find(last.text))
      fail_at(last.at, fmt::format("the key '{}' is given twice", last.text),
              written_at(twin->key_at));
    skip_blanks();
    TomlOutline value = read_value(depth + static_cast<int>(parts.size()));
    parent->entries.push_back({last.text, last.at, std::move(value)});
  }

  TomlOutline read_value(int depth) {
    if (depth > kDeepest) fail_at(at_, "values are nested too deep");
    TomlOutline value;
    value.kind = TomlOutline::Kind::Scalar;
    value.at = at_;
    if (at_line_end())
      fail_at(at_, "expected a value after '='", "a string in quotes, a number, true or false");
    switch (peek()) {
      case '"':
      case '\'': skip_string(); break;
      case '[': read_array(value, depth); break;
      case '{': read_inline_table(value, depth); break;
      default: skip_word();
    }
    return value;
  }

  void read_array(TomlOutline& array, int depth) {
    array.kind = TomlOutline::Kind::Array;
    ++at_;
    for (;;) {
      skip_space();
      if (at_end()) fail_at(array.at, "this list has no closing ']'");
      if (peek() == ']') break;
      if (peek() == ',') fail_at(at_, "expected a value before ','");
      array.items.push_back(read_value(depth + 1));
      skip_space();
      if (at_end()) fail_at(array.at, "this list has no closing ']'");
      if (peek() == ',')
        ++at_;
      else if (peek() != ']')
        fail_at(at_, fmt::format("expected ',' or ']' in the list, found {}", shown(at_)));
    }
    ++at_;
  }

  void read_inline_table(TomlOutline& table, int depth) {
    table.kind = TomlOutline::Kind::Table;
    ++at_;
    skip_blanks();
    if (peek() != '}') {
      for (;;) {
        skip_blanks();
        if (at_line_end()) refuse_open_table(table);
        if (peek() == '}')
          fail_at(at_, "no ',' before the closing '}'", "TOML allows it in lists, not here");
        read_pair(table, depth);
        skip_blanks();
        if (at_line_end()) refuse_open_table(table);
        if (peek() == '}') break;
        if (peek() != ',') fail_at(at_, fmt::format("expected ',' or '}}', found {}", shown(at_)));
        ++at_;
      }
    }
    ++at_;
    table.origin = TomlOutline::Origin::Inline;
  }

  [[noreturn]] static void refuse_open_table(const TomlOutline& table) {
    fail_at(table.at, "this '{' is not closed on its line",
            "a table of several lines is written as [name], a key a line");
  }

  /// A boolean, a number or a date.
  void skip_word() {
    const std::size_t begin = at_;
    const auto end_of_word = [this](std::size_t from) {
      return std::min(text_.find_first_of(" \t\r\n,]}#", from), text_.size());
    };
    at_ = end_of_word(begin);
    std::string_view word = text_.substr(begin, at_ - begin);
    // "1979-05-27 07:32:00" is one value.
    if (word.size() == 10 && word[4] == '-' && is_digit(word[0]) && at_ + 1 < text_.size() &&
        text_[at_] == ' ' && is_digit(text_[at_ + 1]))
      at_ = end_of_word(at_ + 1);
    word = text_.substr(begin, at_ - begin);
    if (word == "true" || word == "false") return;
    if (looks_like_number_or_date(word)) {
      if (!fits_64_bits(word)) fail_at(begin, fmt::format("{} is too large a number", word));
      return;
    }
    if (word.empty() || word.front() == '=')
      fail_at(begin, fmt::format("expected a value, found {}", shown(begin)));
    if (iequals(word, "true") || iequals(word, "false") || word == "yes" || word == "no" ||
        word == "on" || word == "off")
      fail_at(begin, fmt::format("{} is not a value", word), "write true or false");
    fail_at(begin, fmt::format("{} is not a value", word),
            word.find_first_of("\"'") == word.npos
                ? fmt::format("a string needs quotes: \"{}\"", word)
                : "a string begins and ends with a quote");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  TomlOutline* current_ = nullptr;  // the table of the last header
  int depth_of_header_ = 0;
};

}  // namespace

TomlOutline::Entry* TomlOutline::find(std::string_view key) {
  for (Entry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

const TomlOutline::Entry* TomlOutline::find(std::string_view key) const {
  return const_cast<TomlOutline*>(this)->find(key);
}

tl::expected<TomlOutline, TomlMistake> read_toml_outline(std::string_view text) {
  try {
    return OutlineReader(text).read();
  } catch (TomlMistake& mistake) {
    return tl::make_unexpected(std::move(mistake));
  }
}

}  // namespace hapair
