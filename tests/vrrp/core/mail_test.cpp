#include "vrrp/core/mail.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace hapair::vrrp {
namespace {

using Event = Notice::Event;
using Subject = Notice::Subject;

std::optional<Mail> mail(Subject subject, Event event) {
  setenv("TZ", "Europe/Madrid", 1);
  tzset();
  const auto mail = write_mail({subject, subject == Subject::Group ? "VG_1" : "VI_1", event, 101},
                               "lb1", "hapair@lb1", {"alerts@example.org", "second@example.org"},
                               WallTime(std::chrono::seconds(1795791668)));
  unsetenv("TZ");
  tzset();
  return mail;
}

std::string body(Subject subject, Event event) {
  const std::string message = mail(subject, event)->message;
  return message.substr(message.find("\r\n\r\n") + 4);
}

TEST(Mail, IsKeepalivedsToTheByte) {
  const auto written = mail(Subject::Instance, Event::Master);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->subject, "[lb1] VRRP Instance VI_1 - Entering MASTER state");
  EXPECT_EQ(written->message,
            "Date: Fri, 27 Nov 2026 16:01:08 +0100\r\n"
            "From: hapair@lb1\r\n"
            "Subject: [lb1] VRRP Instance VI_1 - Entering MASTER state\r\n"
            "X-Mailer: Keepalived\r\n"
            "To: alerts@example.org, second@example.org\r\n"
            "\r\n"
            "=> VRRP Instance is now owning VRRP VIPs <=\r\n"
            "\r\n");
}

TEST(Mail, HasWordsForEveryState) {
  EXPECT_EQ(mail(Subject::Instance, Event::Backup)->subject,
            "[lb1] VRRP Instance VI_1 - Entering BACKUP state");
  EXPECT_EQ(mail(Subject::Instance, Event::Fault)->subject,
            "[lb1] VRRP Instance VI_1 - Entering FAULT state");
  EXPECT_EQ(mail(Subject::Instance, Event::Stop)->subject, "[lb1] VRRP Instance VI_1 - Stopping");
  for (const Event event : {Event::Backup, Event::Fault})
    EXPECT_EQ(body(Subject::Instance, event),
              "=> VRRP Instance is no longer owning VRRP VIPs <=\r\n\r\n");
  EXPECT_EQ(body(Subject::Instance, Event::Stop), "=> VRRP Instance stopping <=\r\n\r\n");
}

TEST(Mail, HasWordsForGroups) {
  EXPECT_EQ(mail(Subject::Group, Event::Fault)->subject,
            "[lb1] VRRP Group VG_1 - Entering FAULT state");
  EXPECT_EQ(body(Subject::Group, Event::Master),
            "=> All VRRP group instances are now in MASTER state <=\r\n\r\n");
  EXPECT_EQ(body(Subject::Group, Event::Stop),
            "=> All VRRP group instances are now stopping <=\r\n\r\n");
}

TEST(Mail, IsNotWrittenOfWhatHappensInAState) {
  for (const Event event : {Event::LowerHeard, Event::MasterPriority, Event::BackupPriority})
    EXPECT_FALSE(mail(Subject::Instance, event));
}

}  // namespace
}  // namespace hapair::vrrp
