// [alert.mail]
#include <algorithm>

#include "common/text.h"
#include "vrrp/config/readers.h"

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

/// As it stands between the angle brackets of SMTP.
bool is_mail_address(std::string_view text) {
  const auto breaks = [](unsigned char c) {
    return c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == ',' || c == ';' || c == '"';
  };
  return !text.empty() && text.front() != '@' && text.back() != '@' &&
         std::ranges::none_of(text, breaks);
}

bool is_host_name(std::string_view text) {
  const auto is_good = [](char c) {
    const char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= 253 && text.front() != '-' && text.front() != '.' &&
         std::ranges::all_of(text, is_good);
}

struct Server {
  std::string host;
  std::uint16_t port = 25;
};

Result<Server> parse_server(std::string_view text) {
  if (IpAddress::parse(text)) return Server{.host = std::string(text)};
  Server out;
  std::string_view host = text;
  const auto colon = text.rfind(':');
  if (colon != text.npos && !text.ends_with(']')) {
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    if (!port || *port == 0)
      return fail(Errc::Range, "\"{}\" is no port: 1 to 65535", text.substr(colon + 1));
    out.port = *port;
    host = text.substr(0, colon);
  }
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const bool good = bracketed ? address && address->is_v6() : address || is_host_name(host);
  if (!good)
    return fail(Errc::Syntax, "\"{}\" is no server: \"192.0.2.25\", \"mail.example.org:587\" or \"[2001:db8::25]:25\"",
                text);
  out.host = host;
  return out;
}

void read_encryption(TableReader& mail, AlertMail& out) {
  static constexpr std::pair<std::string_view, AlertMail::StartTls> kChoices[] = {
      {"never", AlertMail::StartTls::Never},
      {"try", AlertMail::StartTls::Try},
      {"require", AlertMail::StartTls::Require}};
  if (auto choice = mail.word<AlertMail::StartTls>("starttls", kChoices)) out.starttls = *choice;
  if (auto file = mail.string("ca_file")) out.ca_file = *file;
  if (auto user = mail.string("user")) out.user = *user;
  if (auto file = mail.string("password_file")) out.password_file = *file;
  if (!out.ca_file.empty() && out.starttls == AlertMail::StartTls::Never)
    mail.error("ca_file", "a ca_file without TLS", "starttls = \"require\", or leave it out");
  for (std::string_view key : {"ca_file", "password_file"})
    if (auto file = mail.string(key); file && !file->starts_with('/'))
      mail.error(key, "a file is named by its whole path");
  if (mail.has("user") != mail.has("password_file"))
    mail.error(mail.has("user") ? "user" : "password_file",
               "user and password_file stand together or not at all",
               "password_file holds the password and nothing else, mode 0640");
  else if (!out.user.empty() && out.starttls != AlertMail::StartTls::Require)
    mail.warning("user", "the password may cross the network readable by everybody",
                 "starttls = \"require\"");
}

}  // namespace

std::optional<AlertMail> read_alert_mail(TableReader& root, const std::string& node) {
  auto alert = root.table("alert");
  if (!alert) return std::nullopt;
  auto mail = alert->table("mail");
  alert->finish();
  if (!mail) return std::nullopt;
  AlertMail out;
  out.to = mail->strings("to");
  if (!mail->has("to") || (out.to.empty() && mail->raw("to")->kind == ConfigNode::Kind::Array &&
                           mail->raw("to")->array.empty()))
    mail->error_at(mail->where("to"), "a mail to nobody", "to = [\"alerts@example.org\"]");
  for (std::size_t i = 0; i < out.to.size(); ++i)
    if (!is_mail_address(out.to[i]))
      mail->error_at(place_of(*mail->raw("to"), i), fmt::format("\"{}\" is no mail address", out.to[i]),
                     "as in \"alerts@example.org\"");
  const std::string us = is_host_name(node) ? node : "localhost";
  out.from = mail->string("from").value_or("hapair@" + us);
  if (mail->has("from") && !is_mail_address(out.from))
    mail->error("from", fmt::format("\"{}\" is no mail address", out.from), "as in \"hapair@example.org\"");
  if (!mail->has("smtp_server"))
    mail->error_at(mail->where(), "there is no smtp_server", "smtp_server = \"192.0.2.25\"");
  if (const auto server = mail->parsed<Server>("smtp_server", parse_server)) {
    out.host = server->host;
    out.port = server->port;
  }
  if (auto timeout = mail->duration("timeout", 1s, 10min)) out.timeout = *timeout;
  out.helo = mail->string("helo").value_or(us);
  if (mail->has("helo") && !is_host_name(out.helo))
    mail->error("helo", fmt::format("\"{}\" is no name of a host", out.helo));
  read_encryption(*mail, out);
  mail->finish();
  return out;
}

}  // namespace hapair::vrrp
