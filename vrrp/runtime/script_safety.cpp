#include "vrrp/runtime/script_safety.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "common/text.h"

namespace hapair::vrrp {
namespace {

// As the kernel's: more links than this are a circle.
constexpr int kMostLinks = 40;

std::string name_of_user(uid_t id) {
  const passwd* account = ::getpwuid(id);
  return account ? account->pw_name : std::to_string(id);
}

std::string name_of_group(gid_t id) {
  const group* account = ::getgrgid(id);
  return account ? account->gr_name : std::to_string(id);
}

/// Whether the permission bit (4, 2, 1) is the user's. Root may do everything but run what nobody
/// may.
bool may(const ScriptUser& user, const struct stat& file, unsigned bit) {
  const Credentials& who = user.credentials;
  if (who.user == 0) return S_ISDIR(file.st_mode) || (file.st_mode & 0111) != 0;
  const bool in_group =
      who.group == file.st_gid || std::ranges::find(who.groups, file.st_gid) != who.groups.end();
  const unsigned shift = who.user == file.st_uid ? 6 : in_group ? 3 : 0;
  return (file.st_mode >> shift & bit) != 0;
}

Result<void> check_one(const std::string& path, const struct stat& file, const ScriptUser& user) {
  const bool is_folder = S_ISDIR(file.st_mode);
  const std::string what = is_folder ? "the folder " + path : path;
  if (file.st_uid != 0 && file.st_uid != user.credentials.user)
    return fail(Errc::Denied,
                "{} belongs to {}, neither to root nor to {}, who runs the script: chown root {}",
                what, name_of_user(file.st_uid), user.name, path);
  // A link's own permissions mean nothing.
  if (S_ISLNK(file.st_mode) || (is_folder && (file.st_mode & S_ISVTX))) return {};
  if (file.st_mode & S_IWOTH)
    return fail(Errc::Denied, "everybody may write to {}: chmod o-w {}", what, path);
  if ((file.st_mode & S_IWGRP) && file.st_gid != 0)
    return fail(Errc::Denied, "the group {} may write to {}: chmod g-w {}",
                name_of_group(file.st_gid), what, path);
  return {};
}

Result<void> check_use(const std::string& path, const struct stat& file, const ScriptUser& user) {
  if (S_ISDIR(file.st_mode)) return fail(Errc::Denied, "{} is a folder", path);
  if (!S_ISREG(file.st_mode)) return fail(Errc::Denied, "{} is no file", path);
  if (may(user, file, 1)) return {};
  return fail(Errc::Denied, "{} may not run {}: chmod 0755 {}", user.name, path, path);
}

/// Puts the parts of `path` before those that wait; the last of `parts` is the next.
void prepend(std::vector<std::string>& parts, std::string_view path) {
  const auto words = split(path, '/');
  parts.insert(parts.end(), words.rbegin(), words.rend());
}

Result<void> walk(const std::string& path, const ScriptUser& user) {
  std::vector<std::string> parts;
  prepend(parts, path);
  std::string at;  // empty: the root
  int links = 0;
  struct stat file {};
  for (;;) {
    const std::string here = at.empty() ? "/" : at;
    if (::lstat(here.c_str(), &file) != 0) return fail_errno(errno, "cannot look at {}", here);
    if (auto checked = check_one(here, file, user); !checked) return checked;
    while (!parts.empty() && (parts.back().empty() || parts.back() == ".")) parts.pop_back();
    if (S_ISLNK(file.st_mode)) {
      std::array<char, PATH_MAX> target{};
      const ssize_t size = ::readlink(at.c_str(), target.data(), target.size());
      if (size < 0) return fail_errno(errno, "cannot read the link {}", at);
      if (++links > kMostLinks) return fail(Errc::Denied, "{} leads in a circle", path);
      prepend(parts, {target.data(), static_cast<std::size_t>(size)});
      at = target[0] == '/' ? "" : at.substr(0, at.rfind('/'));
      continue;
    }
    if (parts.empty()) return check_use(here, file, user);
    if (S_ISDIR(file.st_mode) && !may(user, file, 1))
      return fail(Errc::Denied, "{} may not enter the folder {}: chmod o+x {}", user.name, here,
                  here);
    if (parts.back() == "..")
      at = at.substr(0, at.empty() ? 0 : at.rfind('/'));
    else
      at += "/" + parts.back();
    parts.pop_back();
  }
}

}  // namespace

Result<std::string> find_program(const std::string& word) {
  if (word.find('/') != word.npos) return word;
  const char* path = std::getenv("PATH");
  for (std::string_view folder : split(path ? path : "/usr/bin:/bin", ':')) {
    std::string candidate = fmt::format("{}/{}", folder, word);
    // An empty folder of PATH is the current one, which is nobody's to trust.
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return fail(Errc::NotFound,
              "there is no program {} in the folders of PATH: name it by its whole path", word);
}

Result<void> check_script_safety(const std::string& path, const ScriptUser& user) {
  if (!path.starts_with('/'))
    return fail(Errc::Syntax, "the script {} is not safe to run: name it by its whole path", path);
  auto checked = walk(path, user);
  if (checked) return {};
  return fail(checked.error().code, "the script {} is not safe to run: {}", path,
              checked.error().message);
}

}  // namespace hapair::vrrp
