#include "vrrp/runtime/foundlings.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <utility>

#include <fmt/format.h>

namespace hapair::vrrp {

class Foundlings::Child final : public Watcher {
 public:
  Child(Loop& loop, int pid)
      : loop_(loop), pid_(pid), process_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {
    if (process_) loop_.watch(process_.value(), *this, EPOLLIN);
  }
  ~Child() {
    if (process_) loop_.unwatch(process_.value(), *this);
  }
  void on_ready(std::uint32_t) override {
    ::waitpid(pid_, nullptr, WNOHANG);
    loop_.unwatch(process_.value(), *this);
    process_ = FileDescriptor();
  }

 private:
  Loop& loop_;
  const int pid_;
  FileDescriptor process_;
};

Foundlings::Foundlings(Loop& loop) {
  const int self = ::getpid();
  std::ifstream file(fmt::format("/proc/{}/task/{}/children", self, self));
  for (int pid = 0; file >> pid;) children_.push_back(std::make_unique<Child>(loop, pid));
}

Foundlings::~Foundlings() = default;

}  // namespace hapair::vrrp
