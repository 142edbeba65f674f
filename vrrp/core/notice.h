// What scripts, the readers of FIFOs and people are told, in keepalived's words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hapair::vrrp {

struct Notice {
  enum class Subject { Instance, Group };
  enum class Event {
    Master,
    Backup,
    Fault,
    Stop,
    LowerHeard,  // a master answered a lower router that speaks as master
    MasterPriority,
    BackupPriority,  // the state is still this, the priority another
  };
  Subject subject = Subject::Instance;
  std::string name;
  Event event = Event::Backup;
  std::uint8_t priority = 0;  // effective; of a group 0

  /// It tells of a state, and not only of what happened in one.
  bool is_state() const { return event <= Event::Stop; }
  friend bool operator==(const Notice&, const Notice&) = default;
};

/// "MASTER", "MASTER_RX_LOWER_PRI".
std::string_view to_string(Notice::Event event);
/// What keepalived appends to the words of `notify`: "INSTANCE", "VI_1", "MASTER", "100".
std::vector<std::string> arguments(const Notice& notice);
/// What keepalived writes to a FIFO: `INSTANCE "VI_1" MASTER 100` and a line feed.
std::string fifo_line(const Notice& notice);

}  // namespace hapair::vrrp
