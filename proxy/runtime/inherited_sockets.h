// Listening sockets that were open when the process began: from the service manager (socket
// activation) or from whoever started us.
#pragma once

#include <string>
#include <vector>

#include "common/error.h"
#include "proxy/config/bind.h"

namespace hapair::proxy {

class InheritedSockets {
 public:
  /// What this process began with. The first call must come before anything else opens a
  /// descriptor: main makes it.
  static const InheritedSockets& of_this_process();

  /// Every descriptor that `wanted` names; they stay open, whoever listens takes a copy. The error
  /// says what there is instead.
  Result<std::vector<int>> find(const InheritedSocket& wanted) const;

 private:
  struct Entry {
    int fd = -1;
    std::string name;  // from LISTEN_FDNAMES; empty: none
  };
  InheritedSockets();
  std::string listing() const;

  std::vector<Entry> entries_;
};

}  // namespace hapair::proxy
