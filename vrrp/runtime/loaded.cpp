#include "vrrp/runtime/loaded.h"

#include <algorithm>
#include <utility>

#include "common/secret_file.h"
#include "vrrp/config/loader.h"
#include "vrrp/runtime/closed_addresses.h"

namespace hapair::vrrp {
namespace {

/// The file as the other node sees it tells how high its instances stand while all is well.
void learn_peer_priorities(const DaemonOptions& options, Config& config) {
  if (config.other_nodes.size() != 1) return;
  Diagnostics unheard;  // the file's mistakes are reported once, as we see it
  const ConfigDocument document =
      load_document(options.files, config.other_nodes.front().name, unheard);
  if (unheard.has_errors()) return;
  const auto other = load_config(document, unheard);
  if (other) take_peer_priorities(config, *other);
}

/// The files as nobody sees them, so that both nodes come to the same.
ConfigDigest digest_of(const DaemonOptions& options, const KeyRing& keys) {
  Diagnostics unheard;
  const ConfigDocument document = load_document(options.files, "", unheard);
  // While keys are changed, the two may have them in another order.
  const auto& oldest = *std::ranges::min_element(keys.keys, {}, &KeyRing::Key::id);
  return {document.root, oldest.secret};
}

}  // namespace

Loaded load(const DaemonOptions& options) {
  Loaded loaded;
  const ConfigDocument document = load_document(options.files, options.node, loaded.found);
  std::optional<Config> config;
  // After a syntax error the rest of the file would only be accused of its consequences.
  if (!loaded.found.has_errors()) config = load_config(document, loaded.found);
  if (!config) return loaded;
  Task task{.config = *std::move(config), .keys = {}, .digest = {}, .mail_password = {}};
  if (task.config.needs_keys()) {
    auto keys = read_key_ring(task.config.pair.key_file);
    if (!keys) {
      loaded.error = keys.error().message;
      return loaded;
    }
    task.keys = *std::move(keys);
    task.digest = digest_of(options, task.keys);
  }
  if (task.config.mail && !task.config.mail->password_file.empty()) {
    auto password = read_secret_line(task.config.mail->password_file, "password file");
    if (!password) {
      loaded.error = password.error().message;
      return loaded;
    }
    task.mail_password = *std::move(password);
  }
  learn_peer_priorities(options, task.config);
  loaded.task = std::move(task);
  return loaded;
}

Loaded load_again(const DaemonOptions& options) {
  Loaded loaded = load(options);
  if (!loaded.task) return loaded;
  auto scripts = prepare_scripts(loaded.task->config, loaded.warnings);
  if (scripts)
    loaded.scripts = *std::move(scripts);
  else
    loaded.error = scripts.error().message;
  if (std::ranges::any_of(loaded.task->config.instances, &Instance::is_closed))
    if (auto possible = check_closing(); !possible) loaded.error = possible.error().message;
  return loaded;
}

}  // namespace hapair::vrrp
