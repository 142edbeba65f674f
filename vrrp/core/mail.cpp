#include "vrrp/core/mail.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

namespace hapair::vrrp {
namespace {

struct Words {
  std::string_view what, instance, group;
};

std::optional<Words> words(Notice::Event event) {
  static constexpr std::string_view kOwning = "now owning VRRP VIPs",
                                    kNotOwning = "no longer owning VRRP VIPs";
  switch (event) {
    case Notice::Event::Master: return Words{"Entering MASTER state", kOwning, "in MASTER state"};
    case Notice::Event::Backup:
      return Words{"Entering BACKUP state", kNotOwning, "in BACKUP state"};
    case Notice::Event::Fault: return Words{"Entering FAULT state", kNotOwning, "in FAULT state"};
    case Notice::Event::Stop: return Words{"Stopping", "stopping", "stopping"};
    default: return std::nullopt;
  }
}

/// RFC 5322 section 3.3, whatever the locale.
std::string date(WallTime now) {
  static constexpr std::string_view kDays = "SunMonTueWedThuFriSat",
                                    kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const auto time = static_cast<std::time_t>(second);
  std::tm local{};
  localtime_r(&time, &local);
  const long minutes = std::abs(local.tm_gmtoff) / 60;
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} {}{:02}{:02}",
                     kDays.substr(3 * static_cast<std::size_t>(local.tm_wday), 3), local.tm_mday,
                     kMonths.substr(3 * static_cast<std::size_t>(local.tm_mon), 3),
                     local.tm_year + 1900, local.tm_hour, local.tm_min, local.tm_sec,
                     local.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace

std::optional<Mail> write_mail(const Notice& notice, const std::string& node,
                               const std::string& from, const std::vector<std::string>& to,
                               WallTime now) {
  const auto text = words(notice.event);
  if (!text) return std::nullopt;
  const bool group = notice.subject == Notice::Subject::Group;
  const bool stops = notice.event == Notice::Event::Stop;
  Mail mail;
  mail.subject = fmt::format("[{}] VRRP {} {} - {}", node, group ? "Group" : "Instance",
                             notice.name, text->what);
  const std::string body =
      group ? fmt::format("=> All VRRP group instances are now {} <=", text->group)
            : fmt::format("=> VRRP Instance {}{} <=", stops ? "" : "is ", text->instance);
  // Down to the empty line at the end, as keepalived's.
  mail.message = fmt::format(
      "Date: {}\r\nFrom: {}\r\nSubject: {}\r\nX-Mailer: Keepalived\r\nTo: {}\r\n\r\n{}\r\n\r\n",
      date(now), from, mail.subject, fmt::join(to, ", "), body);
  return mail;
}

}  // namespace hapair::vrrp
