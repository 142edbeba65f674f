// Who is told of changes, as the configuration says it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vrrp/config/loader.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kInstance = R"([vrrp.instance.VI_1]
interface = "eth1"
virtual_router_id = 51
virtual_addresses = ["192.168.50.10"]
)";
constexpr std::string_view kMail = R"([alert.mail]
to = ["alerts@example.org"]
smtp_server = "10.1.1.25"
)";

struct Loaded {
  std::optional<Config> config;
  Diagnostics diagnostics;
};

Loaded load(std::string_view text) {
  Loaded out;
  const auto document = parse_document(text, "pair.toml", "lb1", out.diagnostics);
  out.config = load_config(document, out.diagnostics);
  return out;
}

Config loaded(const std::string& text) {
  auto [config, diagnostics] = load(text);
  EXPECT_TRUE(config) << diagnostics.to_string();
  return config.value_or(Config{});
}

TEST(Notify, IsNobodyUnlessSaid) {
  const Config config = loaded(std::string(kInstance));
  const Notify& notify = config.instances.at(0).notify;
  EXPECT_FALSE(notify.any || notify.master || notify.backup || notify.fault || notify.stop || notify.lower);
  EXPECT_EQ(notify.fifo, "");
  EXPECT_FALSE(notify.mail);
  EXPECT_EQ(config.notify_fifo, "");
  EXPECT_FALSE(config.mail);
}

TEST(Notify, ReadsCommandsInEveryForm) {
  const Config config = loaded(std::string(kInstance) + R"(notify = "/etc/hapair/tell.sh 'to all'"
notify_master = ["/etc/hapair/tell.sh", "up"]
notify_backup = { command = "/etc/hapair/tell.sh down", user = "deploy", timeout = "5s" }
notify_fault = "tell fault"
notify_stop = "/bin/true"
notify_lower = "/bin/true"
notify_fifo = "/run/VI_1.fifo"
alert_mail = true
[vrrp]
notify_user = "teller"
notify_fifo = "/run/hapair/vrrp.fifo"
[vrrp.sync_group.VG_1]
instances = ["VI_1"]
notify = "/bin/group"
alert_mail = true
)" + std::string(kMail));
  const Notify& notify = config.instances.at(0).notify;
  EXPECT_THAT(notify.any->command, ElementsAre("/etc/hapair/tell.sh", "to all"));
  EXPECT_EQ(notify.any->timeout, 30s);
  EXPECT_EQ(notify.any->user, "");
  EXPECT_THAT(notify.master->command, ElementsAre("/etc/hapair/tell.sh", "up"));
  EXPECT_THAT(notify.backup->command, ElementsAre("/etc/hapair/tell.sh", "down"));
  EXPECT_EQ(notify.backup->user, "deploy");
  EXPECT_EQ(notify.backup->timeout, 5s);
  EXPECT_THAT(notify.fault->command, ElementsAre("tell", "fault"));
  EXPECT_TRUE(notify.stop && notify.lower);
  EXPECT_EQ(notify.fifo, "/run/VI_1.fifo");
  EXPECT_TRUE(notify.mail);
  EXPECT_EQ(config.notify_user, "teller");
  EXPECT_EQ(config.notify_fifo, "/run/hapair/vrrp.fifo");
  EXPECT_THAT(config.sync_groups.at(0).notify.any->command, ElementsAre("/bin/group"));
  EXPECT_TRUE(config.sync_groups[0].notify.mail);
}

TEST(AlertMail, HasDefaults) {
  const Config config = loaded(std::string(kMail));
  const AlertMail& mail = config.mail.value();
  EXPECT_THAT(mail.to, ElementsAre("alerts@example.org"));
  EXPECT_EQ(mail.from, "hapair@lb1");
  EXPECT_EQ(mail.host, "10.1.1.25");
  EXPECT_EQ(mail.port, 25);
  EXPECT_EQ(mail.timeout, 30s);
  EXPECT_EQ(mail.starttls, AlertMail::StartTls::Try);
  EXPECT_EQ(mail.helo, "lb1");
  EXPECT_EQ(mail.user, "");
}

TEST(AlertMail, ReadsEveryKey) {
  const auto [config, diagnostics] = load(R"([alert.mail]
to = ["a@example.org", "root"]
from = "lb@example.org"
smtp_server = "mail.example.org:587"
timeout = "5s"
starttls = "require"
user = "lb"
password_file = "/etc/hapair/mail.password"
helo = "lb.example.org"
ca_file = "/etc/hapair/ca.pem"
)");
  ASSERT_TRUE(config) << diagnostics.to_string();
  EXPECT_EQ(diagnostics.to_string(), "");
  const AlertMail& mail = config->mail.value();
  EXPECT_THAT(mail.to, ElementsAre("a@example.org", "root"));
  EXPECT_EQ(mail.from, "lb@example.org");
  EXPECT_EQ(mail.host, "mail.example.org");
  EXPECT_EQ(mail.port, 587);
  EXPECT_EQ(mail.timeout, 5s);
  EXPECT_EQ(mail.starttls, AlertMail::StartTls::Require);
  EXPECT_EQ(mail.user, "lb");
  EXPECT_EQ(mail.password_file, "/etc/hapair/mail.password");
  EXPECT_EQ(mail.helo, "lb.example.org");
  EXPECT_EQ(mail.ca_file, "/etc/hapair/ca.pem");
}

TEST(AlertMail, TakesServersInEveryForm) {
  const auto server = [](std::string_view text) {
    const Config config = loaded(fmt::format("[alert.mail]\nto = \"a@b\"\nsmtp_server = \"{}\"\n", text));
    return fmt::format("{} {}", config.mail.value().host, config.mail->port);
  };
  EXPECT_EQ(server("10.1.1.25:2525"), "10.1.1.25 2525");
  EXPECT_EQ(server("mail"), "mail 25");
  EXPECT_EQ(server("2001:db8::25"), "2001:db8::25 25");
  EXPECT_EQ(server("[2001:db8::25]"), "2001:db8::25 25");
  EXPECT_EQ(server("[2001:db8::25]:587"), "2001:db8::25 587");
}

TEST(AlertMail, WarnsOfAPasswordThatOthersCouldRead) {
  const auto [config, diagnostics] =
      load(std::string(kMail) + "user = \"lb\"\npassword_file = \"/etc/pw\"\n");
  EXPECT_TRUE(config);
  EXPECT_THAT(diagnostics.to_string(), HasSubstr("pair.toml:4:8: warning: the password may cross the network"));
}

struct Mistake {
  std::string name;
  std::string text;     // behind an instance, which takes four lines
  std::string place;    // "line:column" of the error
  std::string message;  // a part of what is said, hint included
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.text; }

class NotifyMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(NotifyMistakes, AreToldWithTheirPlaceAndRemedy) {
  const Mistake& mistake = GetParam();
  const auto [config, diagnostics] = load(std::string(kInstance) + mistake.text);
  EXPECT_FALSE(config);
  EXPECT_THAT(diagnostics.to_string(), HasSubstr("pair.toml:" + mistake.place + ": error: "));
  EXPECT_THAT(diagnostics.to_string(), HasSubstr(mistake.message));
  EXPECT_EQ(diagnostics.sorted().size(), 1U) << diagnostics.to_string();
}

const std::string kMailHead = "[alert.mail]\nto = \"a@b\"\nsmtp_server = \"mail\"\n";  // to line 7

INSTANTIATE_TEST_SUITE_P(
    Each, NotifyMistakes,
    ::testing::Values(
        Mistake{"Shell", "notify = \"echo $1\"", "5:10", "needs a shell"},
        Mistake{"Number", "notify_master = 3", "5:17", "notify_master"},
        Mistake{"Empty", "notify = []", "5:10", "the command is empty"},
        Mistake{"Relative", "notify = \"./tell\"", "5:10", "by its whole path"},
        Mistake{"RelativeInTable", "notify = { command = \"bin/tell\" }", "5:22", "by its whole path"},
        Mistake{"TableWithoutCommand", "notify = { user = \"x\" }", "5:10", "notify has no command"},
        Mistake{"TableKey", "notify = { command = \"/x\", usr = \"x\" }", "5:28", "did you mean \"user\"?"},
        Mistake{"Timeout", "notify = { command = \"/x\", timeout = \"0s\" }", "5:38", "timeout"},
        Mistake{"UnknownState", "notify_mastr = \"/x\"", "5:1", "did you mean \"notify_master\"?"},
        Mistake{"Fifo", "notify_fifo = \"vrrp.fifo\"", "5:15", "by its whole path"},
        Mistake{"MailToNobody", "alert_mail = true", "5:14", "[alert.mail] with to and smtp_server"},
        Mistake{"GroupHearsNothing", "[vrrp.sync_group.g]\ninstances = [\"VI_1\"]\nnotify_lower = \"/x\"",
                "7:16", "a group hears no adverts"},
        Mistake{"InstanceName", "[vrrp.sync_group.\"a\\nb\"]\ninstances = [\"VI_1\"]", "5:1", "control characters"},
        Mistake{"NoReceiver", "[alert.mail]\nsmtp_server = \"mail\"", "5:1", "a mail to nobody"},
        Mistake{"EmptyReceivers", "[alert.mail]\nto = []\nsmtp_server = \"mail\"", "6:6", "a mail to nobody"},
        Mistake{"Receiver", "[alert.mail]\nto = [\"a@b\", \"A B <a@b>\"]\nsmtp_server = \"mail\"", "6:14",
                "is no mail address"},
        Mistake{"ReceiverForgesALine", "[alert.mail]\nto = \"a@b\\r\\nX: y\"\nsmtp_server = \"mail\"", "6:6",
                "is no mail address"},
        Mistake{"Sender", kMailHead + "from = \"@b\"", "8:8", "is no mail address"},
        Mistake{"NoServer", "[alert.mail]\nto = \"a@b\"", "5:1", "no smtp_server"},
        Mistake{"Port", "[alert.mail]\nto = \"a@b\"\nsmtp_server = \"mail:99999\"", "7:15", "is no port"},
        Mistake{"Server", "[alert.mail]\nto = \"a@b\"\nsmtp_server = \"smtp://mail\"", "7:15", "is no port"},
        Mistake{"ServerName", "[alert.mail]\nto = \"a@b\"\nsmtp_server = \"my mail\"", "7:15", "is no server"},
        Mistake{"StartTls", kMailHead + "starttls = \"requir\"", "8:12", "did you mean \"require\"?"},
        Mistake{"UserAlone", kMailHead + "user = \"x\"", "8:8", "stand together"},
        Mistake{"PasswordAlone", kMailHead + "password_file = \"/x\"", "8:17", "stand together"},
        Mistake{"PasswordInTheFile", kMailHead + "password = \"x\"", "8:1", "did you mean \"password_file\"?"},
        Mistake{"CaWithoutTls", kMailHead + "starttls = \"never\"\nca_file = \"/x\"", "9:11", "without TLS"},
        Mistake{"CaRelative", kMailHead + "ca_file = \"x\"", "8:11", "whole path"},
        Mistake{"Helo", kMailHead + "helo = \"a b\"", "8:8", "no name of a host"},
        Mistake{"MailTimeout", kMailHead + "timeout = \"10ms\"", "8:11", "timeout"},
        Mistake{"OtherAlert", "[alert.pager]", "5:8", "known here: mail"}),
    [](const auto& mistake) { return mistake.param.name; });

}  // namespace
}  // namespace hapair::vrrp
