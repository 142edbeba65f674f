#include "common/config_digest.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/crypto.h"

namespace hapair {
namespace {

std::string digest(std::string_view key, std::string_view text) {
  const auto whole = hmac_sha256(key, text);
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) out += fmt::format("{:02x}", whole[i]);
  return out;
}

std::string scalar(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::Boolean: return node.boolean ? "true" : "false";
    case ConfigNode::Kind::Integer: return std::to_string(node.integer);
    case ConfigNode::Kind::Float: return fmt::format("{}", node.floating);
    case ConfigNode::Kind::String: return "\"" + node.string;
    default: return std::string(node.kind_name());
  }
}

class Walk {
 public:
  explicit Walk(std::string_view key) : key_(key) {}

  void visit(const std::string& path, const ConfigNode& node) {
    if (node.kind == ConfigNode::Kind::Table) {
      for (const ConfigNode::Entry& entry : node.table)
        visit(path.empty() ? entry.key : path + "." + entry.key, entry.value);
    } else if (node.kind == ConfigNode::Kind::Array) {
      for (std::size_t i = 0; i < node.array.size(); ++i)
        visit(fmt::format("{}[{}]", path, i), node.array[i]);
    } else {
      keys.emplace_back(path, digest(key_, path + "=" + scalar(node)));
    }
  }

  std::vector<std::pair<std::string, std::string>> keys;

 private:
  std::string_view key_;
};

}  // namespace

ConfigDigest::ConfigDigest(const ConfigNode& root, std::string_view key) {
  Walk walk(key);
  walk.visit("", root);
  // The order in which the files say it does not matter.
  std::ranges::sort(walk.keys);
  keys_ = std::move(walk.keys);
  std::string all;
  for (const auto& [path, value] : keys_) all += path + "=" + value + "\n";
  whole_ = digest(key, all);
}

}  // namespace hapair
