// Asks on another thread what the loop's must not wait for.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "common/loop/loop.h"

namespace hapair::vrrp {

/// One question at a time: asked again meanwhile, it is asked once more after its answer. The
/// question runs on another thread and may outlive this, so it owns or shares what it touches;
/// answers come on the loop's thread, and none after the end of this. Dies before the loop.
template <typename Answer>
class SideQuestion {
 public:
  SideQuestion(Loop& loop, std::function<Answer()> question,
               std::function<void(const Answer&)> on_answer)
      : loop_(loop), question_(std::move(question)), on_answer_(std::move(on_answer)) {}

  void ask() {
    again_ = busy_;
    if (std::exchange(busy_, true)) return;
    loop_.offload([&loop = loop_, question = question_, self = std::weak_ptr(self_)] {
      loop.post([self, answer = question()] {
        if (const auto still = self.lock()) (*still)->answered(answer);
      });
    });
  }

 private:
  void answered(const Answer& answer) {
    busy_ = false;
    if (std::exchange(again_, false)) ask();
    on_answer_(answer);
  }

  Loop& loop_;
  std::function<Answer()> question_;
  std::function<void(const Answer&)> on_answer_;
  std::shared_ptr<SideQuestion*> self_ = std::make_shared<SideQuestion*>(this);
  bool busy_ = false, again_ = false;
};

}  // namespace hapair::vrrp
