// Any bytes as a request's target: its normal form, if it has one, hides nothing that a route is to
// see.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/route/target_path.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool holds_segment(std::string_view path, std::string_view segment) {
  const std::string inside = "/" + std::string(segment) + "/";
  return path.find(inside) != path.npos ||
         path.ends_with(std::string_view(inside).substr(0, inside.size() - 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What a decoder lets through as origin form.
  std::string target = "/";
  for (std::size_t i = 0; i < size; ++i)
    if (data[i] > ' ' && data[i] < 0x7f && data[i] != '#') target += static_cast<char>(data[i]);
  std::string buffer;
  const auto path = hapair::route::normal_path(target, buffer);
  if (!path) return 0;
  require(path->starts_with('/') && path->size() <= target.size());
  require(path->find("//") == path->npos && path->find('\\') == path->npos);
  require(!holds_segment(*path, ".") && !holds_segment(*path, ".."));
  for (const char c : *path) require(static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
  return 0;
}
