// Makes a listening Unix socket that belongs to whom it should from its first moment.
#pragma once

#include <string>
#include <string_view>

#include "common/error.h"

namespace hapair {

struct UnixListen {
  std::string_view what;  // for messages: "control socket"
  std::string path;
  int type = 0;           // SOCK_STREAM, SOCK_SEQPACKET
  unsigned mode = 0660;
  std::string user;       // a name or a number; empty: who starts the daemon
  std::string group;
  int backlog = 64;
};

/// Answers the descriptor. A socket file that nobody listens on any more is replaced; one that somebody
/// uses is an error that names who. Needs the right to make the file, and to give it away if user or
/// group say so.
Result<int> listen_unix(const UnixListen& where);

/// The file of a socket that we made: removed with it, unless another has taken its place.
class UnixSocketFile {
 public:
  explicit UnixSocketFile(std::string path);
  ~UnixSocketFile();
  UnixSocketFile(const UnixSocketFile&) = delete;
  UnixSocketFile& operator=(const UnixSocketFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  unsigned long device_ = 0;
  unsigned long inode_ = 0;
};

}  // namespace hapair
