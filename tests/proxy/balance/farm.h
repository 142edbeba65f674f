// Builds farms for the tests in a line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/balance/server.h"

namespace hapair::balance {

struct Sketch {
  unsigned weight = 1;
  unsigned maxconn = 0;
  bool checked = false;
  unsigned minconn = 0;
  unsigned max_queue = 0;
  bool backup = false;
};

inline Farm make_farm(std::vector<Sketch> sketches) {
  Farm farm;
  for (const Sketch& sketch : sketches)
    farm.push_back(std::make_shared<Server>(
        Server::Settings{.name = std::string(1, static_cast<char>('a' + farm.size())),
                         .weight = sketch.weight,
                         .maxconn = sketch.maxconn,
                         .checked = sketch.checked,
                         .minconn = sketch.minconn,
                         .max_queue = sketch.max_queue,
                         .backup = sketch.backup}));
  return farm;
}

}  // namespace hapair::balance
