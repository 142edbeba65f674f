#include "ctl/status.h"

#include "ctl/control_client.h"

namespace hapair::ctl {
namespace {

constexpr Duration kPatience = std::chrono::seconds(3);

}  // namespace

Result<Status> read_status(std::string_view answer) {
  const auto end = answer.find("\n\n");
  // Only whoever knows the question answers with words of its own.
  if (end == answer.npos || answer.starts_with("Unknown command") || !answer.ends_with("\n\n"))
    return fail(Errc::Unsupported,
                "this is not how hapair-vrrp answers: is it another daemon's socket?");
  const std::string_view text = answer.substr(end + 2);
  return Status{.text = std::string(text.substr(0, text.empty() ? 0 : text.size() - 1)),
                .is_well = answer.substr(0, end) == "ok"};
}

Result<Status> ask_status(const std::string& socket, bool json) {
  return ask_daemon(socket, fmt::format("show health;show status{}", json ? " json" : ""),
                    kPatience)
      .and_then([](const std::string& answer) { return read_status(answer); });
}

}  // namespace hapair::ctl
