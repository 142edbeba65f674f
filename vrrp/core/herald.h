// Decides what others are told of what happened.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "vrrp/core/notice.h"
#include "vrrp/core/remark.h"
#include "vrrp/core/transition.h"

namespace hapair::vrrp {

/// Pure. A claim is not told: whoever acts on states must not act on what may be taken back a
/// moment later. A synchronization group has a state when all its members agree on it.
class Herald {
 public:
  struct Group {
    std::string name;
    std::vector<std::string> instances;
  };
  explicit Herald(std::vector<Group> groups = {}) : groups_(std::move(groups)) {}

  std::vector<Notice> on_transition(const Transition& transition);
  std::vector<Notice> on_remark(const Remark& remark) const;

 private:
  bool agree(const Group& group, Notice::Event event) const;

  std::vector<Group> groups_;
  std::map<std::string, Notice::Event> instance_told_, group_told_;
};

}  // namespace hapair::vrrp
