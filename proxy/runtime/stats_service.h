// What the workers know of the statistics page: that somebody can write one.
#pragma once

#include <string>
#include <string_view>

#include "proxy/config/config.h"

namespace hapair::proxy {

struct Snapshot;

/// Implemented above this layer (admin). Called by every worker, at any time.
class StatsService {
 public:
  virtual ~StatsService() = default;

  struct Query {
    const Snapshot* snapshot = nullptr;  // what there is to show
    const Stats* stats = nullptr;
    std::string_view path_query;     // begins with stats->uri
    std::string_view authorization;  // the field's value; empty if there was none
    bool head = false;
    bool close = false;              // the answer must announce the end of the connection
  };
  struct Answer {
    int status = 200;
    std::string bytes;  // a whole HTTP/1.1 response
  };
  /// False if the prefix only happens to begin the name of another resource.
  virtual bool serves(const Stats& stats, std::string_view path_query) const = 0;
  virtual Answer answer(const Query& query) = 0;
};

}  // namespace hapair::proxy
