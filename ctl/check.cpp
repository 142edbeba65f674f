// `hapair check`: everything that can be said about a configuration without running it.
#include "ctl/check.h"

#include <algorithm>
#include <list>
#include <optional>

#include "ctl/pair_rules.h"
#include "proxy/config/access_log.h"
#include "proxy/config/loader.h"
#include "vrrp/config/loader.h"

namespace hapair::ctl {
namespace {

/// Everything about one node. Lives in a list: the views of pair_rules point into it.
struct Node {
  ConfigDocument document;
  std::optional<proxy::Config> proxy;
  std::optional<vrrp::Config> vrrp;
  Diagnostics found;
};

bool has_proxy_sections(const ConfigDocument& document) {
  for (const std::string_view section : {"frontend", "backend", "listen", "defaults"})
    if (document.root.find(section)) return true;
  return false;
}

void add(Diagnostics& to, const Diagnostic& diagnostic) {
  if (diagnostic.level == Diagnostic::Level::Error)
    to.error(diagnostic.where, diagnostic.message, diagnostic.hint);
  else
    to.warning(diagnostic.where, diagnostic.message, diagnostic.hint);
}

bool same(const Diagnostic& a, const Diagnostic& b) {
  return a.level == b.level && a.message == b.message && a.where.file == b.where.file &&
         a.where.line == b.where.line && a.where.column == b.where.column;
}

void load_proxy(Node& node) {
  Diagnostics found;
  node.proxy = proxy::load_config(node.document, found);
  std::optional<Diagnostic> hidden;
  if (node.proxy) hidden = proxy::find_hidden_access_log(node.document, *node.proxy);
  for (const Diagnostic& diagnostic : found.sorted())
    if (!hidden || !same(diagnostic, *hidden)) add(node.found, diagnostic);
  // A daemon starts all the same; somebody who asks whether the file is right hears that it is not.
  if (hidden) node.found.error(hidden->where, hidden->message, hidden->hint);
}

void load_vrrp(Node& node) {
  Diagnostics found;
  node.vrrp = vrrp::load_config(node.document, found);
  for (const Diagnostic& diagnostic : found.sorted()) add(node.found, diagnostic);
}

/// What all nodes have in common is said once and of nobody; the rest names its nodes.
Diagnostics join(const std::list<Node>& nodes) {
  Diagnostics joined;
  for (const Node& node : nodes) {
    for (const Diagnostic& diagnostic : node.found.sorted()) {
      std::vector<std::string_view> names;
      for (const Node& other : nodes) {
        const auto list = other.found.sorted();
        if (std::ranges::any_of(list, [&](const Diagnostic& d) { return same(d, diagnostic); }))
          names.push_back(other.document.node);
      }
      Diagnostic named = diagnostic;
      if (names.size() < nodes.size())
        named.message = fmt::format("on {}: {}", fmt::join(names, ", "), diagnostic.message);
      add(joined, named);
    }
  }
  return joined;
}

}  // namespace

Diagnostics check_configuration(const ReadDocument& read) {
  Diagnostics reading;
  const ConfigDocument whole = read("", reading);
  if (reading.has_errors()) return reading;  // the loaders would only repeat it in other words
  std::vector<std::string> names = whole.node_names;
  if (names.empty()) names.emplace_back();

  std::list<Node> nodes;
  for (const std::string& name : names) {
    Node& node = nodes.emplace_back();
    node.document = read(name, node.found);
    // A file may be for the election alone.
    if (has_proxy_sections(node.document) || !node.document.root.find("vrrp"))
      load_proxy(node);
    else
      proxy::judge_global(node.document, node.found);
    load_vrrp(node);
  }
  Diagnostics joined = join(nodes);

  std::vector<NodeView> views;
  for (const Node& node : nodes)
    if (node.vrrp)
      views.push_back({&node.document, &*node.vrrp, node.proxy && !node.proxy->frontends.empty()});
  if (views.size() == nodes.size()) {
    check_agreement(views, joined);
    check_takeover(views, joined);
  }
  return joined;
}

Diagnostics check_files(std::span<const std::string> files) {
  return check_configuration([files](std::string_view node, Diagnostics& diagnostics) {
    return load_document(files, node, diagnostics);
  });
}

}  // namespace hapair::ctl
