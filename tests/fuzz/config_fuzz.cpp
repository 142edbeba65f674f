// A configuration of any bytes: it is read or refused, by the reader and by the proxy's loader, and
// what is said about it can be printed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/config_reader.h"
#include "proxy/config/loader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hapair;
  Diagnostics found;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ConfigDocument document = parse_document(text, "fuzz.toml", "hap1", found);
  if (!found.has_errors()) {
    const auto config = proxy::load_config(document, found);
    // A configuration is loaded or a reason is given; never neither, never both.
    if (config.has_value() == found.has_errors()) std::abort();
  }
  const std::string printed = found.to_string();
  if (printed.empty() != found.sorted().empty()) std::abort();
  return 0;
}
