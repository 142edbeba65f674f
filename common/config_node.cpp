// Values of the configuration document, and how one table lies over another.
#include <algorithm>

#include "common/config_reader.h"

namespace hapair {
namespace {

void mark_inherited_below(ConfigNode& table) {
  for (ConfigNode::Entry& entry : table.table) {
    entry.inherited = true;
    mark_inherited_below(entry.value);
  }
}

unsigned highest_layer(const ConfigNode& table) {
  unsigned highest = 0;
  for (const ConfigNode::Entry& entry : table.table)
    highest = std::max({highest, entry.layer, highest_layer(entry.value)});
  return highest;
}

void lift(ConfigNode& table, unsigned by) {
  for (ConfigNode::Entry& entry : table.table) {
    entry.layer += by;
    lift(entry.value, by);
  }
}

/// `table`, every entry of which lies above those of `base`.
ConfigNode lifted(ConfigNode table, const ConfigNode& base) {
  lift(table, highest_layer(base) + 1);
  return table;
}

/// The one rule of overlaying: `own` wins; what is only in `base` is added, in `base`'s order, so
/// that a document reads like its first file.
ConfigNode overlay(const ConfigNode& base, const ConfigNode& own, bool mark_inherited) {
  ConfigNode result = base;
  // A table made of two stands where somebody can mend it: for files and nodes the one that is
  // overlaid, for [defaults] the section itself.
  if (mark_inherited) {
    result.where = own.where;
    mark_inherited_below(result);
  }
  for (const ConfigNode::Entry& entry : own.table) {
    const auto below =
        std::find_if(result.table.begin(), result.table.end(),
                     [&entry](const ConfigNode::Entry& other) { return other.key == entry.key; });
    if (below == result.table.end()) {
      result.table.push_back(entry);
    } else if (below->value.kind == ConfigNode::Kind::Table &&
               entry.value.kind == ConfigNode::Kind::Table) {
      below->inherited = false;
      if (mark_inherited) below->key_where = entry.key_where;
      below->value = overlay(below->value, entry.value, mark_inherited);
    } else {
      *below = entry;
    }
  }
  return result;
}

}  // namespace

const ConfigNode::Entry* ConfigNode::find(std::string_view key) const {
  for (const Entry& entry : table)
    if (entry.key == key) return &entry;
  return nullptr;
}

std::string_view ConfigNode::kind_name() const {
  switch (kind) {
    case Kind::Boolean: return "true or false";
    case Kind::Integer: return "a whole number";
    case Kind::Float: return "a decimal number";
    case Kind::String: return "a string";
    case Kind::Array: return "a list";
    case Kind::Table: return "a table";
    case Kind::Other: return "a date or time";
  }
  return "";
}

ConfigNode merge(const ConfigNode& base, const ConfigNode& over) {
  return overlay(base, lifted(over, base), false);
}

ConfigNode inherit(const ConfigNode& defaults, const ConfigNode& own) {
  return overlay(defaults, lifted(own, defaults), true);
}

}  // namespace hapair
