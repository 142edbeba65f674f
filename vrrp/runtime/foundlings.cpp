#include "vrrp/runtime/foundlings.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "vrrp/net/file_descriptor.h"

namespace hapair::vrrp {

class Foundlings::Child final : public Watcher {
 public:
  Child(Foundlings& owner, int pid, FileDescriptor process)
      : owner_(owner), pid_(pid), process_(std::move(process)) {
    owner_.loop_.watch(process_.value(), *this, EPOLLIN);
  }
  ~Child() { owner_.loop_.unwatch(process_.value(), *this); }
  void on_ready(std::uint32_t) override {
    ::waitpid(pid_, nullptr, WNOHANG);
    owner_.forget(*this);  // and this is gone
  }

 private:
  Foundlings& owner_;
  const int pid_;
  FileDescriptor process_;
};

Foundlings::Foundlings(Loop& loop) : loop_(loop) {}

Foundlings::~Foundlings() = default;

void Foundlings::find() {
  const int self = ::getpid();
  std::ifstream file(fmt::format("/proc/{}/task/{}/children", self, self));
  for (int pid = 0; file >> pid;) add(pid);
}

void Foundlings::add(int pid) {
  FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process) children_.push_back(std::make_unique<Child>(*this, pid, std::move(process)));
}

void Foundlings::forget(const Child& child) {
  std::erase_if(children_, [&](const auto& one) { return one.get() == &child; });
}

}  // namespace hapair::vrrp
