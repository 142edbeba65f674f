#include "vrrp/runtime/script_user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "vrrp/runtime/privileges.h"

namespace hapair::vrrp {
namespace {

ScriptUser ourselves() {
  const passwd* account = ::getpwuid(::geteuid());
  ScriptUser user{.name = account ? account->pw_name : std::to_string(::geteuid()),
                  .credentials = {.user = ::geteuid(), .group = ::getegid(), .groups = {}}};
  const int count = ::getgroups(0, nullptr);
  if (count > 0) {
    user.credentials.groups.resize(static_cast<std::size_t>(count));
    if (::getgroups(count, user.credentials.groups.data()) < 0) user.credentials.groups.clear();
  }
  return user;
}

/// Null: there is none of that name.
Result<const passwd*> find_account(const std::string& name) {
  errno = 0;
  const passwd* account = ::getpwnam(name.c_str());
  // What it says of somebody who does not exist differs from source to source.
  if (!account && errno != 0 && errno != ENOENT && errno != ESRCH)
    return fail_errno(errno, "cannot look for the user {}", name);
  return account;
}

}  // namespace

Result<ScriptUser> find_script_user(const std::string& wanted) {
  ScriptUser us = ourselves();
  if (wanted == us.name) return us;
  const bool may = may_become_others();
  if (wanted.empty() && !may) return us;
  const std::string name(wanted.empty() ? kDefaultScriptUser : wanted);
  const auto account = find_account(name);
  if (!account) return tl::make_unexpected(account.error());
  if (!*account) {
    if (wanted.empty()) return us;
    return fail(Errc::NotFound, "there is no user {} on this host: useradd --system {}", name,
                name);
  }
  if (!may) {
    us.refused = name;
    return us;
  }
  ScriptUser user{.name = name,
                  .credentials = {(*account)->pw_uid, (*account)->pw_gid, {}},
                  .is_daemon = false};
  int count = 64;
  auto& groups = user.credentials.groups;
  do groups.resize(static_cast<std::size_t>(count));
  while (::getgrouplist(name.c_str(), user.credentials.group, groups.data(), &count) < 0);
  groups.resize(static_cast<std::size_t>(count));
  return user;
}

}  // namespace hapair::vrrp
