// Reads configuration files into a tree that knows where every word stands, and hands out typed
// values while collecting every mistake. The only door to the TOML library.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/bytes.h"
#include "common/clock.h"
#include "common/error.h"

namespace hapair {

/// A place in a file. Lines and columns count from 1; line 0 means "no particular place".
struct SourceLocation {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string line_text;
};

/// One mistake (or warning), where it is and how to mend it.
struct Diagnostic {
  enum class Level { Error, Warning };
  Level level = Level::Error;
  SourceLocation where;
  std::string message;
  std::string hint;  // shown after the caret; empty if there is nothing to advise
};

/// "pair.toml:12:11: error: …", the line, and a caret with the hint under the column.
std::string to_string(const Diagnostic& diagnostic);

/// All that was found wrong, in order of place. The same message for the same place counts once.
class Diagnostics {
 public:
  void error(const SourceLocation& where, std::string message, std::string hint = {});
  void warning(const SourceLocation& where, std::string message, std::string hint = {});
  bool has_errors() const;
  /// Sorted by file (in order of appearance), line, column.
  std::vector<Diagnostic> sorted() const;
  std::string to_string() const;

 private:
  void add(Diagnostic diagnostic);
  std::vector<Diagnostic> list_;
};

/// A value of the document with its place. Tables keep the order of the file.
class ConfigNode {
 public:
  enum class Kind { Boolean, Integer, Float, String, Array, Table, Other };
  struct Entry;

  Kind kind = Kind::Table;
  SourceLocation where;          // of the value; of the header for a [table]
  bool boolean = false;
  std::int64_t integer = 0;
  double floating = 0;
  std::string string;            // after ${VAR} replacement
  std::vector<ConfigNode> array;
  std::vector<Entry> table;

  const Entry* find(std::string_view key) const;
  /// "a string", "a table" … for messages.
  std::string_view kind_name() const;
};

struct ConfigNode::Entry {
  std::string key;
  SourceLocation key_where;
  bool inherited = false;  // came from a fallback table such as [defaults]
  ConfigNode value;
  /// Of the tables that were laid over one another (files, [node.NAME], [defaults] and a section, a
  /// backend and a server), which one said it: the higher lies above.
  unsigned layer = 0;
};

/// `over` wins, key by key, tables within tables; arrays and scalars are replaced whole.
ConfigNode merge(const ConfigNode& base, const ConfigNode& over);

/// Like merge(defaults, own), with what came from `defaults` marked inherited.
ConfigNode inherit(const ConfigNode& defaults, const ConfigNode& own);

/// The files of one command line, merged, as one node sees them.
struct ConfigDocument {
  ConfigNode root;                      // without [node]; the overlay of `node` applied
  ConfigNode nodes;                     // the [node] table as written
  std::string node;                     // who we are
  std::vector<std::string> node_names;  // every [node.NAME], in order
};

/// Reads and merges `files`, replaces ${VAR} and ${VAR:-default} inside strings from `environment`
/// (an unset variable without default is an error), and applies [node.NAME] of `node`. If the file
/// has [node.*] tables and `node` is none of them, that is an error listing them (an empty `node`
/// is nobody: no overlay, no error). `address`, which belongs to the node itself, is not part of the
/// overlay. After a mistake of syntax the document is empty or lacks a file: ask
/// diagnostics.has_errors() before reading on. "$${" stands for "${" itself.
ConfigDocument load_document(std::span<const std::string> files, std::string_view node,
                             Diagnostics& diagnostics);
/// The same from text, for tests: `name` stands in for the file's name.
ConfigDocument parse_document(std::string_view text, std::string_view name, std::string_view node,
                              Diagnostics& diagnostics);

/// A cursor over one table. Every question remembers its key; finish() reports the keys nobody
/// asked for, with the nearest one that exists. Questions about an absent key answer nothing; about
/// a wrong value they report it and answer nothing.
/// The table and the diagnostics must outlive the reader.
class TableReader {
 public:
  TableReader(const ConfigNode& table, std::string path, Diagnostics& diagnostics);

  bool has(std::string_view key);
  std::optional<std::string> string(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::optional<Duration> duration(std::string_view key, Duration min = Duration::zero(),
                                   Duration max = Duration::max());
  std::optional<std::uint64_t> size(std::string_view key);
  /// A list of strings; a single string counts as a list of one.
  std::vector<std::string> strings(std::string_view key);

  /// One of `words`; answers its index. A wrong word is reported with the nearest right one.
  std::optional<std::size_t> word(std::string_view key, std::span<const std::string> words);
  template <typename E>
  std::optional<E> word(std::string_view key,
                        std::span<const std::pair<std::string_view, E>> choices) {
    std::vector<std::string> words;
    for (const auto& choice : choices) words.emplace_back(choice.first);
    const auto index = word(key, std::span<const std::string>(words));
    if (!index) return std::nullopt;
    return choices[*index].second;
  }

  /// A string that `parse` (text -> Result<T>) turns into a value; its error is reported here.
  template <typename T, typename Parse>
  std::optional<T> parsed(std::string_view key, Parse parse) {
    const ConfigNode* node = expect(key, ConfigNode::Kind::String);
    if (!node) return std::nullopt;
    Result<T> value = parse(std::string_view(node->string));
    if (value) return *std::move(value);
    error_at(node->where, value.error().message);
    return std::nullopt;
  }

  /// The table under `key`, or nothing.
  std::optional<TableReader> table(std::string_view key);
  /// The tables of an array of tables ([[x]]), in order.
  std::vector<TableReader> tables(std::string_view key);
  /// The (name, table) pairs below `key`, as in [frontend.NAME].
  std::vector<std::pair<std::string, TableReader>> named_tables(std::string_view key);
  /// The value itself, for keys of several shapes (`balance = "x"` or `{ … }`); null if absent.
  const ConfigNode* raw(std::string_view key);

  /// Known, but not to be had under this name or in this build: an error that says so, and which
  /// names the key. Nobody is advised to write it.
  void refuse(std::string_view key, std::string_view why, std::string_view remedy = {});

  /// Where the value of `key` stands, or this table if it is absent.
  SourceLocation where(std::string_view key) const;
  const SourceLocation& where() const { return table_->where; }
  const std::string& path() const { return path_; }
  const ConfigNode& node() const { return *table_; }
  Diagnostics& diagnostics() const { return *diagnostics_; }

  void error(std::string_view key, std::string message, std::string hint = {});
  void warning(std::string_view key, std::string message, std::string hint = {});
  void error_at(const SourceLocation& where, std::string message, std::string hint = {});

  /// Reports keys that nobody asked for (inherited ones excepted). Call once, last.
  void finish();

 private:
  const ConfigNode* expect(std::string_view key, ConfigNode::Kind kind);

  const ConfigNode* table_;
  std::string path_;  // "backend.webservers", for messages
  Diagnostics* diagnostics_;
  std::set<std::string, std::less<>> asked_;
  std::set<std::string, std::less<>> refused_;
};

}  // namespace hapair
