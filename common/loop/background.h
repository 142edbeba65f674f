// Threads for work that may block, on behalf of one that must not.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <deque>
#include <functional>
#include <vector>

#include "common/loop/priority_mutex.h"

namespace hapair {

/// As many threads as there was work at the same time: what waits for a mail server does not hold
/// up a log file. The first is started with the first work. They have no real-time priority,
/// whoever starts them, and hear no signals.
class Background {
 public:
  Background();
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// From one thread. Does not wait for any of the others. Where the system refuses the first thread,
  /// `work` is done at once, here.
  void run(std::function<void()> work);
  /// Waits for all work. There can be no more.
  void finish();

 private:
  void live();
  bool add_thread();

  PriorityMutex mutex_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_; an empty one: end
  int idle_ = 0;  // threads that will take from it, less what waits for a busy one; guarded by mutex_
  sem_t work_;                                 // one for each that waits; posting takes no lock
  std::vector<pthread_t> threads_;             // of the owner
};

}  // namespace hapair
