// Who is told of changes: the keys of instances and groups.
#include <algorithm>

#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

std::optional<NotifyCommand> read_notify_command(TableReader& table, std::string_view key) {
  const ConfigNode* value = table.raw(key);
  if (!value) return std::nullopt;
  NotifyCommand out;
  const SourceLocation* where = &value->where;
  if (value->kind == ConfigNode::Kind::Table) {
    auto inner = table.table(key);
    if (!inner->has("command"))
      inner->error_at(inner->where(), fmt::format("{} has no command", key),
                      "command = \"/etc/hapair/notify.sh\"");
    out.command = read_command(*inner, "command");
    if (auto user = inner->string("user")) out.user = *user;
    if (auto timeout = inner->duration("timeout", 10ms, 24h)) out.timeout = *timeout;
    inner->finish();
    if (const ConfigNode* command = inner->raw("command")) where = &command->where;
  } else {
    out.command = read_command(table, key);
  }
  if (out.command.empty()) return std::nullopt;
  const std::string& program = out.command.front();
  if (program.find('/') != program.npos && !program.starts_with('/'))
    table.error_at(*where, fmt::format("\"{}\" depends on the folder we are in", program),
                   "a script is named by its whole path");
  return out;
}

}  // namespace

std::string read_fifo(TableReader& table) {
  const auto path = table.string("notify_fifo");
  if (path && (!path->starts_with('/') || path->find('\0') != path->npos))
    table.error("notify_fifo", "a FIFO is named by its whole path", "\"/run/hapair/vrrp.fifo\"");
  return path.value_or("");
}

Notify read_notify(TableReader& table, bool of_group, const Surroundings& surroundings) {
  Notify out;
  out.any = read_notify_command(table, "notify");
  out.master = read_notify_command(table, "notify_master");
  out.backup = read_notify_command(table, "notify_backup");
  out.fault = read_notify_command(table, "notify_fault");
  out.stop = read_notify_command(table, "notify_stop");
  out.lower = read_notify_command(table, "notify_lower");
  if (of_group && table.has("notify_lower"))
    table.error("notify_lower", "a group hears no adverts", "notify_lower of its instances");
  out.fifo = read_fifo(table);
  out.mail = table.boolean("alert_mail").value_or(false);
  if (out.mail && !surroundings.has_mail)
    table.error("alert_mail", "there is nobody to mail to",
                "[alert.mail] with to and smtp_server");
  return out;
}

void check_name(const std::string& name, TableReader& table) {
  // It stands in log lines, in lines of FIFOs and in headers of mails.
  const auto breaks = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '"'; };
  if (name.empty() || std::ranges::any_of(name, breaks))
    table.error_at(table.where(), "a name is not empty, and has no quotes and control characters");
}

}  // namespace hapair::vrrp
