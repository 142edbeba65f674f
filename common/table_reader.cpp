// A cursor over one table of the configuration.
#include "common/config_reader.h"
#include "common/text.h"

namespace hapair {
namespace {

std::string_view name_of(ConfigNode::Kind kind) {
  ConfigNode node;
  node.kind = kind;
  return node.kind_name();
}

std::string quoted_list(std::span<const std::string> words) {
  std::string list;
  for (const std::string& word : words)
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", word);
  return list;
}

}  // namespace

TableReader::TableReader(const ConfigNode& table, std::string path, Diagnostics& diagnostics)
    : table_(&table), path_(std::move(path)), diagnostics_(&diagnostics) {}

const ConfigNode* TableReader::raw(std::string_view key) {
  asked_.emplace(key);
  const ConfigNode::Entry* entry = table_->find(key);
  return entry ? &entry->value : nullptr;
}

bool TableReader::has(std::string_view key) {
  return raw(key) != nullptr;
}

const ConfigNode* TableReader::expect(std::string_view key, ConfigNode::Kind kind) {
  const ConfigNode* node = raw(key);
  if (!node || node->kind == kind) return node;
  std::string hint;
  using Kind = ConfigNode::Kind;
  if (kind == Kind::String && node->kind == Kind::Integer)
    hint = fmt::format("in quotes: \"{}\"", node->integer);
  else if (kind == Kind::Integer && node->kind == Kind::String &&
           parse_number<std::int64_t>(node->string))
    hint = fmt::format("without quotes: {}", node->string);
  else if (kind == Kind::Boolean && node->kind == Kind::String &&
           (node->string == "true" || node->string == "false"))
    hint = fmt::format("without quotes: {}", node->string);
  else if (kind == Kind::Table)
    hint = fmt::format("write {} = {{ … }} or [{}{}{}]", key, path_, path_.empty() ? "" : ".", key);
  error_at(node->where, fmt::format("{} must be {}, not {}", key, name_of(kind), node->kind_name()),
           std::move(hint));
  return nullptr;
}

std::optional<std::string> TableReader::string(std::string_view key) {
  const ConfigNode* node = expect(key, ConfigNode::Kind::String);
  if (!node) return std::nullopt;
  return node->string;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const ConfigNode* node = expect(key, ConfigNode::Kind::Boolean);
  if (!node) return std::nullopt;
  return node->boolean;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key, std::int64_t min,
                                                 std::int64_t max) {
  const ConfigNode* node = expect(key, ConfigNode::Kind::Integer);
  if (!node) return std::nullopt;
  if (node->integer >= min && node->integer <= max) return node->integer;
  error_at(node->where, fmt::format("{} is {}, out of range", key, node->integer),
           fmt::format("a number from {} to {}", min, max));
  return std::nullopt;
}

std::optional<Duration> TableReader::duration(std::string_view key, Duration min, Duration max) {
  const ConfigNode* node = raw(key);
  if (!node) return std::nullopt;
  if (node->kind == ConfigNode::Kind::Integer) {
    error_at(
        node->where, fmt::format("{} is a duration and needs a unit", key),
        fmt::format("write \"{0}s\" for seconds or \"{0}ms\" for milliseconds", node->integer));
    return std::nullopt;
  }
  if (node->kind != ConfigNode::Kind::String) {
    error_at(node->where, fmt::format("{} must be a duration, not {}", key, node->kind_name()),
             "as \"5s\" or \"100ms\"");
    return std::nullopt;
  }
  const auto value = parse_duration(node->string);
  if (!value) {
    error_at(node->where, fmt::format("{}: {}", key, value.error().message));
    return std::nullopt;
  }
  if (*value >= min && *value <= max) return *value;
  error_at(node->where, fmt::format("{} is {}, out of range", key, format_duration(*value)),
           max == Duration::max()
               ? fmt::format("at least {}", format_duration(min))
               : fmt::format("from {} to {}", format_duration(min), format_duration(max)));
  return std::nullopt;
}

std::optional<std::uint64_t> TableReader::size(std::string_view key) {
  const ConfigNode* node = raw(key);
  if (!node) return std::nullopt;
  if (node->kind == ConfigNode::Kind::Integer && node->integer >= 0)
    return static_cast<std::uint64_t>(node->integer);
  if (node->kind != ConfigNode::Kind::String) {
    error_at(node->where, fmt::format("{} is not a size", key),
             "as \"16KiB\" or a number of bytes");
    return std::nullopt;
  }
  const auto value = parse_size(node->string);
  if (value) return *value;
  error_at(node->where, fmt::format("{}: {}", key, value.error().message));
  return std::nullopt;
}

std::vector<std::string> TableReader::strings(std::string_view key) {
  const ConfigNode* node = raw(key);
  if (!node) return {};
  if (node->kind == ConfigNode::Kind::String) return {node->string};
  if (node->kind != ConfigNode::Kind::Array) {
    error_at(node->where,
             fmt::format("{} must be a list of strings, not {}", key, node->kind_name()),
             fmt::format("write {} = [\"…\"]", key));
    return {};
  }
  std::vector<std::string> list;
  for (const ConfigNode& item : node->array) {
    if (item.kind == ConfigNode::Kind::String)
      list.push_back(item.string);
    else
      error_at(item.where,
               fmt::format("{} is a list of strings: this is {}", key, item.kind_name()));
  }
  return list;
}

std::optional<std::size_t> TableReader::word(std::string_view key,
                                             std::span<const std::string> words) {
  const ConfigNode* node = expect(key, ConfigNode::Kind::String);
  if (!node) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == node->string) return i;
  const auto near = nearest_word(node->string, words);
  error_at(node->where, fmt::format("unknown {} \"{}\"", key, node->string),
           near ? fmt::format("did you mean \"{}\"?", *near)
                : fmt::format("one of {}", quoted_list(words)));
  return std::nullopt;
}

std::optional<TableReader> TableReader::table(std::string_view key) {
  const ConfigNode* node = expect(key, ConfigNode::Kind::Table);
  if (!node) return std::nullopt;
  return TableReader(*node, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key),
                     *diagnostics_);
}

std::vector<TableReader> TableReader::tables(std::string_view key) {
  const ConfigNode* node = raw(key);
  if (!node) return {};
  const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  if (node->kind != ConfigNode::Kind::Array) {
    error_at(node->where,
             fmt::format("{} must be a list of tables, not {}", key, node->kind_name()),
             fmt::format("write [[{}]], once for each", path));
    return {};
  }
  std::vector<TableReader> readers;
  for (const ConfigNode& item : node->array) {
    if (item.kind == ConfigNode::Kind::Table)
      readers.emplace_back(item, path, *diagnostics_);
    else
      error_at(item.where, fmt::format("{} is a list of tables: this is {}", key, item.kind_name()),
               fmt::format("write [[{}]], once for each", path));
  }
  return readers;
}

std::vector<std::pair<std::string, TableReader>> TableReader::named_tables(std::string_view key) {
  const ConfigNode* node = expect(key, ConfigNode::Kind::Table);
  if (!node) return {};
  const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  std::vector<std::pair<std::string, TableReader>> readers;
  for (const ConfigNode::Entry& entry : node->table) {
    if (entry.value.kind == ConfigNode::Kind::Table)
      readers.emplace_back(
          entry.key,
          TableReader(entry.value, fmt::format("{}.{}", path, entry.key), *diagnostics_));
    else
      error_at(entry.key_where, fmt::format("'{}' stands outside of any {}", entry.key, key),
               fmt::format("give the {0} a name: [{1}.NAME]", key, path));
  }
  return readers;
}

void TableReader::refuse(std::string_view key, std::string_view why, std::string_view remedy) {
  const ConfigNode::Entry* entry = table_->find(key);
  if (!entry) return;
  refused_.emplace(key);
  error_at(entry->key_where, fmt::format("{}: {}", key, why), std::string(remedy));
}

SourceLocation TableReader::where(std::string_view key) const {
  const ConfigNode::Entry* entry = table_->find(key);
  return entry ? entry->value.where : table_->where;
}

void TableReader::error(std::string_view key, std::string message, std::string hint) {
  diagnostics_->error(where(key), std::move(message), std::move(hint));
}

void TableReader::warning(std::string_view key, std::string message, std::string hint) {
  diagnostics_->warning(where(key), std::move(message), std::move(hint));
}

void TableReader::error_at(const SourceLocation& where, std::string message, std::string hint) {
  diagnostics_->error(where, std::move(message), std::move(hint));
}

void TableReader::finish() {
  const std::vector<std::string> known(asked_.begin(), asked_.end());
  for (const ConfigNode::Entry& entry : table_->table) {
    if (entry.inherited || asked_.contains(entry.key) || refused_.contains(entry.key)) continue;
    const auto near = nearest_word(entry.key, known);
    std::string hint;
    if (near)
      hint = fmt::format("did you mean \"{}\"?", *near);
    else if (!known.empty())
      hint = fmt::format("known here: {}", fmt::join(known, ", "));
    error_at(entry.key_where,
             path_.empty() ? fmt::format("unknown key '{}'", entry.key)
                           : fmt::format("unknown key '{}' in {}", entry.key, path_),
             std::move(hint));
  }
}

}  // namespace hapair
