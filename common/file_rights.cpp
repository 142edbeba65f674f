#include "common/file_rights.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/text.h"

namespace hapair {
namespace {

/// 0 or an errno.
int set_rights(const std::string& path, const Accounts& owner, mode_t mode) {
  const bool gives = owner.user != kSameUser || owner.group != kSameGroup;
  if (gives && ::lchown(path.c_str(), owner.user, owner.group) < 0) return errno;
  return ::chmod(path.c_str(), mode) < 0 ? errno : 0;
}

/// `find` is getpwnam or getgrnam, `id` its field.
template <typename Id, typename Find, typename Field>
Result<Id> find_account(std::string_view kind, const std::string& name, Find find, Field id) {
  if (name.empty()) return static_cast<Id>(-1);
  if (const auto* entry = find(name.c_str())) return entry->*id;
  if (const auto number = parse_number<Id>(name)) return *number;
  return fail(Errc::NotFound, "there is no {} \"{}\"", kind, name);
}

}  // namespace

Result<Accounts> find_accounts(const std::string& user, const std::string& group) {
  const auto uid = find_account<uid_t>("user", user, &::getpwnam, &passwd::pw_uid);
  if (!uid) return tl::make_unexpected(uid.error());
  const auto gid = find_account<gid_t>("group", group, &::getgrnam, &group::gr_gid);
  if (!gid) return tl::make_unexpected(gid.error());
  return Accounts{*uid, *gid};
}

Result<FileRights> FileRights::change(std::string path, const Wanted& before, const Wanted& after) {
  auto owner = find_accounts(after.user, after.group);
  if (!owner) return tl::make_unexpected(owner.error());
  // Who stays is not given it again, which may not be ours to do; who is no longer named is us.
  if (after.user.empty()) owner->user = ::geteuid();
  if (after.group.empty()) owner->group = ::getegid();
  if (after.user == before.user) owner->user = kSameUser;
  if (after.group == before.group) owner->group = kSameGroup;

  struct stat there {};
  if (::lstat(path.c_str(), &there) < 0) return fail_errno(errno, "cannot change its rights");
  if (!S_ISSOCK(there.st_mode))  // somebody's who replaced it
    return fail(Errc::System, "cannot change its rights: what is there is no socket");
  const Accounts earlier{owner->user == kSameUser ? kSameUser : there.st_uid,
                         owner->group == kSameGroup ? kSameGroup : there.st_gid};
  FileRights undo(std::move(path), earlier, there.st_mode & 07777);
  if (const int error_number = set_rights(undo.path_, *owner, after.mode); error_number != 0)
    return fail_errno(error_number, "cannot change its rights");
  return undo;
}

FileRights::FileRights(FileRights&& other) noexcept
    : path_(std::exchange(other.path_, {})), owner_(other.owner_), mode_(other.mode_) {}

FileRights::~FileRights() {
  if (!path_.empty()) set_rights(path_, owner_, mode_);
}

}  // namespace hapair
