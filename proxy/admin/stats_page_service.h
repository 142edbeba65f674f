// Answers requests for the statistics: who may see them, and what they say at this moment.
#pragma once

#include "proxy/runtime/snapshot.h"
#include "proxy/runtime/stats_service.h"

namespace hapair::proxy {

class StatsPageService final : public StatsService {
 public:
  /// `snapshot` must outlive it.
  explicit StatsPageService(const Snapshot& snapshot) : snapshot_(snapshot) {}

  bool serves(const Stats& stats, std::string_view path_query) const override;
  Answer answer(const Query& query) override;

 private:
  const Snapshot& snapshot_;
};

}  // namespace hapair::proxy
