// Answers requests for the statistics: who may see them, and what they say at this moment.
#pragma once

#include "proxy/runtime/stats_service.h"

namespace hapair::proxy {

class StatsPageService final : public StatsService {
 public:
  bool serves(const Stats& stats, std::string_view path_query) const override;
  Answer answer(const Query& query) override;
};

}  // namespace hapair::proxy
