// Who may use the file of a Unix socket.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/error.h"

namespace hapair {

/// chown(2): leave it as it is.
inline constexpr uid_t kSameUser = static_cast<uid_t>(-1);
inline constexpr gid_t kSameGroup = static_cast<gid_t>(-1);

struct Accounts {
  uid_t user = kSameUser;
  gid_t group = kSameGroup;
};
/// By names or numbers; for an empty one kSameUser, kSameGroup.
Result<Accounts> find_accounts(const std::string& user, const std::string& group);

/// Owner and mode of a socket's file that stays, changed in place, and changed back by the
/// destructor unless they are to be kept.
class FileRights {
 public:
  /// As the configuration has them.
  struct Wanted {
    std::string user, group;  // empty: whoever we are
    unsigned mode = 0;
    friend bool operator==(const Wanted&, const Wanted&) = default;
  };
  /// From what was wanted before. If it fails, nothing has changed; the message does not name the
  /// file.
  static Result<FileRights> change(std::string path, const Wanted& before, const Wanted& after);
  FileRights(FileRights&& other) noexcept;
  FileRights& operator=(FileRights&&) = delete;
  ~FileRights();
  void keep() { path_.clear(); }

 private:
  FileRights(std::string path, Accounts owner, mode_t mode)
      : path_(std::move(path)), owner_(owner), mode_(mode) {}

  std::string path_;  // empty: there is nothing to change back
  Accounts owner_;    // of before, where it has changed
  mode_t mode_;
};

}  // namespace hapair
