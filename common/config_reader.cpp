// Reads configuration files into the document: the only door to the TOML library.
#include "common/config_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sstream>
// The library is not written for our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <toml.hpp>
#pragma GCC diagnostic pop

#include "common/text.h"
#include "common/toml_outline.h"

namespace hapair {
namespace {

constexpr std::size_t kLargestFile = 16 << 20;

Result<std::string> read_file(const std::string& path) {
  // Not blocking, and nothing but a file: a pipe without a writer would keep a daemon that reloads
  // waiting for ever, and one with a writer has no second reading.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail_errno(errno, "cannot read {}", path);
  struct stat found {};
  if (fstat(fd, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode)) {
    close(fd);
    return fail(Errc::Syntax, "cannot read {}: not a regular file; write the configuration into one", path);
  }
  std::string text;
  char piece[16384];
  for (;;) {
    const ssize_t got = read(fd, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int reason = errno;
      close(fd);
      return fail_errno(reason, "cannot read {}", path);
    }
    text.append(piece, static_cast<std::size_t>(got));
    if (got == 0 || text.size() > kLargestFile) break;
  }
  close(fd);
  if (text.size() > kLargestFile)
    return fail(Errc::Range, "cannot read {}: larger than 16 MiB, hardly a configuration", path);
  return text;
}

/// Turns byte offsets of one text into places.
class Places {
 public:
  Places(std::string_view text, std::string_view file) : text_(text), file_(file), lines_{0} {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') lines_.push_back(i + 1);
  }

  SourceLocation at(std::size_t offset) const {
    const auto after = std::upper_bound(lines_.begin(), lines_.end(), offset);
    const auto line = static_cast<std::size_t>(after - lines_.begin());
    return place(line, offset - lines_[line - 1]);
  }

  /// From the library's numbers, should it find a mistake that the outline did not.
  SourceLocation at(unsigned line, unsigned column) const {
    return place(std::clamp<std::size_t>(line, 1, lines_.size()), column > 0 ? column - 1 : 0);
  }

 private:
  SourceLocation place(std::size_t line, std::size_t bytes_before) const {
    const std::size_t begin = lines_[line - 1];
    std::string_view text = text_.substr(begin, text_.find('\n', begin) - begin);
    if (text.ends_with('\r')) text.remove_suffix(1);
    // A column is a character, as editors count; not a byte.
    const std::string_view before = text.substr(0, std::min(bytes_before, text.size()));
    const auto column =
        1 + std::count_if(before.begin(), before.end(), [](char c) { return (c & 0xc0) != 0x80; });
    return {file_, static_cast<unsigned>(line), static_cast<unsigned>(column), std::string(text)};
  }

  std::string_view text_;
  std::string file_;
  std::vector<std::size_t> lines_;  // where each begins
};

/// Puts the values of the library and the places of the outline together.
class Converter {
 public:
  Converter(const Places& places, Diagnostics& diagnostics)
      : places_(places), diagnostics_(diagnostics) {}

  ConfigNode convert(const toml::value& value, const TomlOutline& outline) {
    ConfigNode node;
    node.where = places_.at(outline.at);
    switch (value.type()) {
      case toml::value_t::boolean:
        node.kind = ConfigNode::Kind::Boolean;
        node.boolean = value.as_boolean();
        break;
      case toml::value_t::integer:
        node.kind = ConfigNode::Kind::Integer;
        node.integer = value.as_integer();
        break;
      case toml::value_t::floating:
        node.kind = ConfigNode::Kind::Float;
        node.floating = value.as_floating();
        break;
      case toml::value_t::string:
        node.kind = ConfigNode::Kind::String;
        node.string = replace_variables(value.as_string().str, node.where);
        break;
      case toml::value_t::array: {
        node.kind = ConfigNode::Kind::Array;
        const auto& items = value.as_array();
        for (std::size_t i = 0; i < items.size() && i < outline.items.size(); ++i)
          node.array.push_back(convert(items[i], outline.items[i]));
        break;
      }
      case toml::value_t::table: {
        node.kind = ConfigNode::Kind::Table;
        const auto& table = value.as_table();
        for (const TomlOutline::Entry& entry : outline.entries) {
          const auto found = table.find(entry.key);
          if (found != table.end())
            node.table.push_back(
                {entry.key, places_.at(entry.key_at), false, convert(found->second, entry.value)});
        }
        // The outline and the library must have read the same document: what one of them missed
        // would be ignored, and nothing is.
        if (node.table.size() != table.size() || node.table.size() != outline.entries.size())
          diagnostics_.error(node.where, "this table could not be read (write it more simply)");
        break;
      }
      default: node.kind = ConfigNode::Kind::Other;
    }
    return node;
  }

 private:
  std::string replace_variables(const std::string& text, const SourceLocation& where) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t dollar = text.find("${", i);
      if (dollar == text.npos) return out + text.substr(i);
      if (dollar > i && text[dollar - 1] == '$') {  // "$${" stands for "${"
        out += text.substr(i, dollar - 1 - i) + "${";
        i = dollar + 2;
        continue;
      }
      out += text.substr(i, dollar - i);
      const std::size_t close = text.find('}', dollar);
      if (close == text.npos) {
        diagnostics_.error(where, "'${' without its '}'",
                           "write $${ for the two characters themselves");
        return out;
      }
      out += value_of(std::string_view(text).substr(dollar + 2, close - dollar - 2), where);
      i = close + 1;
    }
    return out;
  }

  std::string value_of(std::string_view expression, const SourceLocation& where) {
    const auto dash = expression.find(":-");
    const std::string name(expression.substr(0, dash));
    const bool is_name = !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
                         std::all_of(name.begin(), name.end(), [](char c) {
                           return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                                  (c >= '0' && c <= '9') || c == '_';
                         });
    if (!is_name) {
      diagnostics_.error(where, fmt::format("'{}' is not the name of a variable", name),
                         "${NAME} or ${NAME:-default}");
      return {};
    }
    const char* value = std::getenv(name.c_str());
    if (dash != expression.npos && (!value || !*value))
      return std::string(expression.substr(dash + 2));
    if (value) return value;
    diagnostics_.error(where, fmt::format("the environment has no variable {}", name),
                       fmt::format("set it, or write ${{{}:-default}}", name));
    return {};
  }

  const Places& places_;
  Diagnostics& diagnostics_;
};

/// The library's first line, without its name and its place, as a sentence of ours.
std::string first_sentence(std::string_view what) {
  what = what.substr(0, what.find('\n'));
  if (what.starts_with("[error] ")) what.remove_prefix(8);
  if (what.starts_with("toml::"))
    if (const auto colon = what.find(": "); colon != what.npos) what.remove_prefix(colon + 2);
  what = trim(what);
  return what.empty() ? "this is not TOML" : std::string(what);
}

std::optional<ConfigNode> parse_text(std::string_view text, std::string_view name,
                                     Diagnostics& diagnostics) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  const Places places(text, name);
  const auto outline = read_toml_outline(text);
  if (!outline) {
    const TomlMistake& mistake = outline.error();
    diagnostics.error(places.at(mistake.at), mistake.message, mistake.hint);
    return std::nullopt;
  }
  try {
    std::istringstream stream{std::string(text)};
    const toml::value root = toml::parse(stream, std::string(name));
    return Converter(places, diagnostics).convert(root, *outline);
  } catch (const toml::exception& mistake) {
    diagnostics.error(places.at(mistake.location().line(), mistake.location().column()),
                      first_sentence(mistake.what()));
  } catch (const std::exception& mistake) {
    diagnostics.error({std::string(name), 0, 0, {}}, first_sentence(mistake.what()));
  }
  return std::nullopt;
}

bool holds_tables(const ConfigNode& node) {
  return node.kind == ConfigNode::Kind::Array && !node.array.empty() &&
         node.array.front().kind == ConfigNode::Kind::Table;
}

/// A list takes the place of an earlier file's. For a list of tables ([[…]]) that is easily taken
/// for an addition.
void warn_of_replaced_lists(const ConfigNode& base, const ConfigNode& over, const std::string& path,
                            Diagnostics& diagnostics) {
  for (const ConfigNode::Entry& entry : over.table) {
    const ConfigNode::Entry* below = base.find(entry.key);
    if (!below) continue;
    const std::string name = path.empty() ? entry.key : fmt::format("{}.{}", path, entry.key);
    warn_of_replaced_lists(below->value, entry.value, name, diagnostics);
    if (!holds_tables(below->value) || !holds_tables(entry.value)) continue;
    const SourceLocation& first = below->value.array.front().where;
    diagnostics.warning(entry.value.array.front().where,
                        fmt::format("this [[{}]] takes the place of those in {}, from line {} on",
                                    name, first.file, first.line),
                        "a list is not added to: write all of it in one file");
  }
}

/// Takes [node] out of the merged document and applies the overlay of `node`.
ConfigDocument resolve(ConfigNode root, std::string_view node, Diagnostics& diagnostics) {
  ConfigDocument document;
  document.node = node;
  const auto entry = std::find_if(root.table.begin(), root.table.end(),
                                  [](const ConfigNode::Entry& e) { return e.key == "node"; });
  if (entry != root.table.end()) {
    document.nodes = std::move(entry->value);
    root.table.erase(entry);
  }
  document.root = std::move(root);
  if (document.nodes.kind != ConfigNode::Kind::Table) {
    diagnostics.error(document.nodes.where,
                      fmt::format("node must be a table, not {}", document.nodes.kind_name()),
                      "write [node.NAME] for each host");
    document.nodes = {};
    return document;
  }
  const ConfigNode::Entry* own = nullptr;
  for (const ConfigNode::Entry& named : document.nodes.table) {
    if (named.value.kind != ConfigNode::Kind::Table) {
      diagnostics.error(named.key_where, fmt::format("'{}' stands outside of any node", named.key),
                        "give the node a name: [node.NAME]");
      continue;
    }
    document.node_names.push_back(named.key);
    if (named.key == node) own = &named;
  }
  if (own) {
    ConfigNode over = own->value;
    std::erase_if(over.table, [](const ConfigNode::Entry& e) { return e.key == "address"; });
    for (const ConfigNode::Entry& nested : over.table)
      if (nested.key == "node") diagnostics.error(nested.key_where, "a node cannot hold nodes");
    std::erase_if(over.table, [](const ConfigNode::Entry& e) { return e.key == "node"; });
    document.root = merge(document.root, over);
  } else if (!document.node_names.empty() && !node.empty()) {
    const auto near = nearest_word(node, document.node_names);
    diagnostics.error(document.nodes.table.front().value.where,
                      fmt::format("this host is '{}', which is no node of this file (it has {})",
                                  node, fmt::join(document.node_names, ", ")),
                      fmt::format("say --node {}, or add [node.{}]",
                                  near.value_or(document.node_names.front()), node));
  }
  return document;
}

}  // namespace

ConfigDocument load_document(std::span<const std::string> files, std::string_view node,
                             Diagnostics& diagnostics) {
  ConfigNode root;
  for (const std::string& file : files) {
    const auto text = read_file(file);
    if (!text) {
      diagnostics.error({}, text.error().message);
      continue;
    }
    const auto parsed = parse_text(*text, file, diagnostics);
    if (!parsed) continue;
    warn_of_replaced_lists(root, *parsed, "", diagnostics);
    root = merge(root, *parsed);
  }
  return resolve(std::move(root), node, diagnostics);
}

ConfigDocument parse_document(std::string_view text, std::string_view name, std::string_view node,
                              Diagnostics& diagnostics) {
  return resolve(parse_text(text, name, diagnostics).value_or(ConfigNode{}), node, diagnostics);
}

}  // namespace hapair
