#include "proxy/exchange/error_capture.h"

#include <algorithm>

namespace hapair::exchange {

void ErrorCaptures::add(bool is_response, const AccessRecord& record, WallTime when,
                        std::string_view reason, std::string_view bytes, std::size_t position) {
  CapturedError error{.is_response = is_response,
                      .when = when,
                      .frontend = std::string(record.frontend),
                      .server = std::string(record.server),
                      .client = record.client,
                      .reason = std::string(reason),
                      .bytes = std::string(bytes.substr(0, kMostBytes)),
                      .size = bytes.size(),
                      .position = position};
  // A request that fails before it is routed is written down under its frontend's name.
  if (is_response || record.backend != record.frontend) error.backend = record.backend;
  const std::lock_guard lock(mutex_);
  error.event = events_++;
  last_.insert_or_assign({is_response, error.proxy()}, std::move(error));
  if (last_.size() <= kMostProxies) return;
  // Reloads may have renamed many: the one longest ago goes.
  last_.erase(std::min_element(last_.begin(), last_.end(), [](const auto& a, const auto& b) {
    return a.second.event < b.second.event;
  }));
}

std::vector<CapturedError> ErrorCaptures::all() const {
  std::vector<CapturedError> errors;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, error] : last_) errors.push_back(error);
  }
  std::sort(errors.begin(), errors.end(),
            [](const auto& a, const auto& b) { return a.event > b.event; });
  return errors;
}

std::uint64_t ErrorCaptures::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

}  // namespace hapair::exchange
