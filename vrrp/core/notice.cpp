#include "vrrp/core/notice.h"

#include <fmt/format.h>

namespace hapair::vrrp {
namespace {

std::string_view to_string(Notice::Subject subject) {
  return subject == Notice::Subject::Group ? "GROUP" : "INSTANCE";
}

}  // namespace

std::string_view to_string(Notice::Event event) {
  switch (event) {
    case Notice::Event::Master: return "MASTER";
    case Notice::Event::Backup: return "BACKUP";
    case Notice::Event::Fault: return "FAULT";
    case Notice::Event::Stop: return "STOP";
    case Notice::Event::LowerHeard: return "MASTER_RX_LOWER_PRI";
    case Notice::Event::MasterPriority: return "MASTER_PRIORITY";
    case Notice::Event::BackupPriority: return "BACKUP_PRIORITY";
  }
  return "";
}

std::vector<std::string> arguments(const Notice& notice) {
  return {std::string(to_string(notice.subject)), notice.name, std::string(to_string(notice.event)),
          std::to_string(notice.priority)};
}

std::string fifo_line(const Notice& notice) {
  return fmt::format("{} \"{}\" {} {}\n", to_string(notice.subject), notice.name,
                     to_string(notice.event), notice.priority);
}

}  // namespace hapair::vrrp
