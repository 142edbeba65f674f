// An instance's `auth`.
#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPasswordSize = 8;  // RFC 2338 section 5.3.10

void read_password(TableReader& auth, Instance& instance, std::string_view type) {
  const auto password = auth.string("password");
  instance.auth.password = password.value_or("");
  if (!auth.has("password"))
    auth.error_at(auth.where(), fmt::format("auth type \"{}\" needs a password", type), "up to 8 bytes");
  else if (password && password->empty())
    auth.error("password", "the password is empty", "up to 8 bytes");
  // Keepalived cuts likewise, so the pair still agrees.
  if (instance.auth.password.size() > kPasswordSize) {
    auth.warning("password", "only the first 8 bytes of the password are used",
                 "shorten it to 8 bytes");
    instance.auth.password.resize(kPasswordSize);
  }
  // RFC 9568 section 9: version 3 has no place for one.
  if (instance.version == 3)
    auth.error("type", "version 3 carries no password", "type = \"hmac\" with the key of [pair] key_file, or version = 2");
}

void read_hmac(TableReader& auth, const Surroundings& surroundings, Instance& instance) {
  static constexpr std::pair<std::string_view, Auth::Mode> kModes[] = {
      {"enforce", Auth::Mode::Enforce},
      {"permissive", Auth::Mode::Permissive},
      {"receive-only", Auth::Mode::ReceiveOnly}};
  if (auto mode = auth.word<Auth::Mode>("mode", kModes)) instance.auth.mode = *mode;
  static constexpr std::pair<std::string_view, bool> kReplay[] = {{"time", true}, {"monotonic", false}};
  if (auto timed = auth.word<bool>("anti_replay", kReplay)) instance.auth.timed = *timed;
  if (auto window = auth.duration("window", 1s, 300s)) instance.auth.window = *window;
  if (!surroundings.has_key_file)
    auth.error("type", "there is no key to sign with",
               "[pair] key_file = \"/etc/hapair/pair.key\"; `hapair keygen` makes it");
}

}  // namespace

void read_auth(TableReader& table, const Surroundings& surroundings, Instance& instance) {
  auto auth = table.table("auth");
  if (!auth) {
    // Who gave the pair a key wants it used.
    if (surroundings.has_key_file && !table.has("auth")) instance.auth.type = Auth::Type::Hmac;
    return;
  }
  static constexpr std::pair<std::string_view, Auth::Type> kChoices[] = {
      {"none", Auth::Type::None},
      {"pass", Auth::Type::Pass},
      {"ah", Auth::Type::Header},
      {"hmac", Auth::Type::Hmac}};
  const auto type = auth->word<Auth::Type>("type", kChoices);
  if (!auth->has("type"))
    auth->error_at(auth->where(), "auth has no type", "type = \"hmac\"");
  if (type) {
    instance.auth.type = *type;
    const bool has_password = *type == Auth::Type::Pass || *type == Auth::Type::Header;
    if (has_password) read_password(*auth, instance, *type == Auth::Type::Pass ? "pass" : "ah");
    if (*type == Auth::Type::Hmac) read_hmac(*auth, surroundings, instance);
    if (!has_password && auth->has("password"))
      auth->error("password",
                  *type == Auth::Type::Hmac ? "keys stand in [pair] key_file, not here"
                                            : "a password without authentication",
                  "type = \"pass\" to use it");
    for (std::string_view key : {"mode", "anti_replay", "window"})
      if (*type != Auth::Type::Hmac && auth->has(key))
        auth->error(key, fmt::format("{} is for auth type \"hmac\" alone", key));
  } else {
    for (std::string_view key : {"password", "mode", "anti_replay", "window"}) auth->raw(key);
  }
  auth->finish();
}

}  // namespace hapair::vrrp
