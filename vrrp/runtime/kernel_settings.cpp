#include "vrrp/runtime/kernel_settings.h"

#include <fmt/format.h>

#include <fstream>

namespace hapair::vrrp {
namespace {

void write(const std::string& path, const std::string& value) {
  std::ofstream(path) << value << std::flush;
}

}  // namespace

std::string KernelSettings::ipv4(std::string_view interface, std::string_view name) {
  return fmt::format("/proc/sys/net/ipv4/conf/{}/{}", interface, name);
}

std::string KernelSettings::read(const std::string& path) {
  std::string value;
  std::ifstream(path) >> value;
  return value;
}

void KernelSettings::set(const std::string& path, const std::string& value) {
  const std::string held = read(path);
  if (held.empty() || held == value) return;
  write(path, value);
  before_.insert(before_.begin(), {path, held});
}

void KernelSettings::restore() {
  for (const Testament::Setting& setting : before_) write(setting.path, setting.value);
  before_.clear();
}

}  // namespace hapair::vrrp
