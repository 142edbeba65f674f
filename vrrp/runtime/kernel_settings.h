// Settings below /proc/sys that are changed for a while.
#pragma once

#include <string>
#include <vector>

#include "vrrp/core/testament.h"

namespace hapair::vrrp {

/// Remembers what each held before and puts that back.
class KernelSettings {
 public:
  KernelSettings() = default;
  ~KernelSettings() { restore(); }
  KernelSettings(KernelSettings&&) = default;
  KernelSettings& operator=(KernelSettings&&) = delete;

  /// One that does not exist here, or is so already, is left alone.
  void set(const std::string& path, const std::string& value);
  void restore();
  /// They stay as they are: somebody else will see to them.
  void leave() { before_.clear(); }
  /// What restore() would write, in its order.
  const std::vector<Testament::Setting>& before() const { return before_; }

  /// "/proc/sys/net/ipv4/conf/eth1/arp_ignore"
  static std::string ipv4(std::string_view interface, std::string_view name);
  static std::string read(const std::string& path);

 private:
  std::vector<Testament::Setting> before_;  // the last changed first
};

}  // namespace hapair::vrrp
