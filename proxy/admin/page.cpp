#include "proxy/admin/page.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <iterator>

namespace hapair::admin {
namespace {

using stats::Number;
using stats::Row;

constexpr std::string_view kStyle = R"(
:root{--ink:#1d2733;--soft:#5b6878;--line:#d5dce4;--head:#eef2f6;--up:#c9ecd0;--spare:#cfe3f7;--change:#fdeab8;--leave:#e0d8f3;--down:#f6b9b3;--maint:#e3d5c3;--blind:#f2f4f6}
body{margin:1.2rem;font:14px/1.4 system-ui,sans-serif;color:var(--ink);background:#fff}
h1{margin:0;font-size:1rem;font-weight:600;color:var(--soft)}
h2{margin:.1rem 0 .8rem;font-size:1.35rem}
h3{margin:1.6rem 0 .4rem;font-size:1.05rem}
p{margin:.3rem 0}
a{color:#145a9c}
.facts{color:var(--soft)}.facts b{color:var(--ink);font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:12px;white-space:nowrap}
th,td{border:1px solid var(--line);padding:.2rem .25rem;text-align:right}
thead th{background:var(--head);font-weight:600;text-align:center}
th[scope=row],td.text{text-align:left}
tr.up>*{background:var(--up)}
tr.spare>*{background:var(--spare)}
tr.change>*{background:var(--change)}
tr.leave>*{background:var(--leave)}
tr.down>*{background:var(--down)}
tr.maint>*{background:var(--maint)}
tr.blind>*{background:var(--blind)}
tr.total>*{font-weight:600;border-top:2px solid #9fadbc}
.key span{display:inline-block;padding:0 .6rem;margin:0 .4rem .2rem 0;border:1px solid var(--line)}
footer{margin-top:1.6rem;color:var(--soft);font-size:12.5px}
)";

void append_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += static_cast<unsigned char>(c) < 32 || c == 127 ? ' ' : c;
    }
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  append_text(out, text);
  return out;
}

// "3d4h", "2h5m", "17m30s", "12s".
std::string ago(std::int64_t seconds) {
  const auto pair = [](std::int64_t a, char unit, std::int64_t b, char smaller) {
    return b == 0 ? fmt::format("{}{}", a, unit) : fmt::format("{}{}{}{}", a, unit, b, smaller);
  };
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return pair(seconds / 60, 'm', seconds % 60, 's');
  if (seconds < 86400) return pair(seconds / 3600, 'h', seconds / 60 % 60, 'm');
  return pair(seconds / 86400, 'd', seconds / 3600 % 24, 'h');
}

// 1234567 -> "1 234 567", with spaces that do not break.
std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && digits[i - 1] != '-' && (digits.size() - i) % 3 == 0) out += "&#8239;";
    out += digits[i];
  }
  return out;
}

void cell(std::string& out, const Number& number) {
  out += "<td>";
  if (number) out += grouped(*number);
  out += "</td>";
}

void text_cell(std::string& out, std::string_view text, std::string_view title = {}) {
  out += "<td class=\"text\"";
  if (!title.empty()) {
    out += " title=\"";
    append_text(out, title);
    out += '"';
  }
  out += '>';
  append_text(out, text);
  out += "</td>";
}

void time_cell(std::string& out, const Number& seconds) {
  text_cell(out, seconds && *seconds >= 0 ? ago(*seconds) : std::string());
}

/// A row's class, which is its colour.
struct Colour {
  std::string_view name;
  std::string_view meaning;
};
constexpr Colour kUp = {"up", "up"};
constexpr Colour kSpare = {"spare", "backup, up"};
constexpr Colour kChange = {"change", "about to change"};
constexpr Colour kLeave = {"leave", "no new visitors (DRAIN, NOLB)"};
constexpr Colour kDown = {"down", "down, closed or full"};
constexpr Colour kMaint = {"maint", "in maintenance"};
constexpr Colour kBlind = {"blind", "in use, not checked"};

// Green, red, in between: what the eye looks for first.
const Colour& colour(const Row& row) {
  const std::string_view status = row.status;
  if (status.starts_with("MAINT")) return kMaint;
  if (status.starts_with("NOLB") || status.starts_with("DRAIN")) return kLeave;
  if (status == "no check") return kBlind;
  if (status.starts_with("UP ")) return kChange;                              // "UP 1/3"
  if (status.starts_with("DOWN ") && !status.ends_with(')')) return kChange;  // "DOWN 1/2"
  if (status == "UP") return row.type == Row::kServer && row.bck == 1 ? kSpare : kUp;
  return status == "OPEN" ? kUp : kDown;
}

/// "L7OK/200 in 3ms"; of a server without checks what its agent says.
std::string last_check(const Row& row) {
  const bool by_agent = row.check_status.empty() && !row.agent_status.empty();
  std::string text = by_agent ? "agent\u00a0" + row.agent_status : row.check_status;
  const Number& code = by_agent ? row.agent_code : row.check_code;
  const Number& duration = by_agent ? row.agent_duration : row.check_duration;
  if (code) text += fmt::format("/{}", *code);
  if (duration) text += fmt::format("\u00a0in\u00a0{}ms", *duration);
  return text;
}

std::string check_story(const Row& row) {
  const bool by_agent = row.check_status.empty();
  const std::string& what = by_agent ? row.agent_desc : row.check_desc;
  const std::string& more = by_agent ? row.last_agt : row.last_chk;
  return more.empty() ? what : what + ": " + more;
}

/// Failed checks; where live traffic counts too, a second number for it.
void failures_cell(std::string& out, const Row& row) {
  if (!row.hanafail) return cell(out, row.chkfail);
  fmt::format_to(std::back_inserter(out),
                 "<td title=\"failed checks/times that live traffic failed\">{}/{}</td>",
                 grouped(row.chkfail.value_or(0)), grouped(*row.hanafail));
}

struct Group {
  std::string_view title;
  int columns;
};
constexpr Group kGroups[] = {{"Queue", 3},  {"Session rate", 3}, {"Sessions", 6}, {"Bytes", 2},
                             {"Denied", 2}, {"Errors", 3},       {"Warnings", 2}, {"Server", 9}};
constexpr std::string_view kColumns[] = {
    "Cur",    "Max",     "Limit",                            // Queue
    "Cur",    "Max",     "Limit",                            // Session rate
    "Cur",    "Max",     "Limit", "Total", "LbTot", "Last",  // Sessions
    "In",     "Out",                                         // Bytes
    "Req",    "Resp",                                        // Denied
    "Req",    "Conn",    "Resp",                             // Errors
    "Retr",   "Redis",                                       // Warnings
    "Status", "LastChk", "Wght",  "Act",   "Bck",   "Chk",  "Dwn", "Dwntme", "Thrtle"};

void append_head(std::string& out) {
  out += "<thead>\n<tr><th rowspan=\"2\" scope=\"col\">Name</th>";
  for (const Group& group : kGroups)
    fmt::format_to(std::back_inserter(out), "<th colspan=\"{}\" scope=\"colgroup\">{}</th>",
                   group.columns, group.title);
  out += "</tr>\n<tr>";
  for (const std::string_view column : kColumns)
    fmt::format_to(std::back_inserter(out), "<th scope=\"col\">{}</th>", column);
  out += "</tr>\n</thead>\n";
}

void append_row(std::string& out, const Row& row) {
  const bool total = row.type == Row::kBackend;
  fmt::format_to(std::back_inserter(out), "<tr class=\"{}{}\"><th scope=\"row\">", colour(row).name,
                 total ? " total" : "");
  append_text(out, row.svname == "FRONTEND"  ? "Frontend"
                   : row.svname == "BACKEND" ? "Backend"
                                             : row.svname);
  out += "</th>";
  cell(out, row.qcur), cell(out, row.qmax), cell(out, row.qlimit);
  cell(out, row.rate), cell(out, row.rate_max), cell(out, row.rate_lim);
  cell(out, row.scur), cell(out, row.smax), cell(out, row.slim), cell(out, row.stot),
      cell(out, row.lbtot);
  time_cell(out, row.lastsess);
  cell(out, row.bin), cell(out, row.bout);
  cell(out, row.dreq), cell(out, row.dresp);
  cell(out, row.ereq), cell(out, row.econ), cell(out, row.eresp);
  cell(out, row.wretr), cell(out, row.wredis);
  text_cell(out, row.lastchg ? fmt::format("{} {}", ago(*row.lastchg), row.status) : row.status);
  text_cell(out, last_check(row), check_story(row));
  cell(out, row.weight);
  // For a server: is it one of the active ones, or a backup; for a backend: how many there are.
  const auto mark = [&](const Number& number) {
    if (row.type == Row::kServer)
      text_cell(out, number.value_or(0) > 0 ? "Y" : "-");
    else
      cell(out, number);
  };
  mark(row.act), mark(row.bck);
  failures_cell(out, row), cell(out, row.chkdown);
  time_cell(out, row.downtime);
  text_cell(out, row.throttle ? fmt::format("{}%", *row.throttle) : "");
  out += "</tr>\n";
}

}  // namespace

std::optional<PageKind> page_for(std::string_view target_after_prefix) {
  const std::string_view rest = target_after_prefix;
  if (rest.empty()) return PageKind::Html;
  const auto first = static_cast<unsigned char>(rest.front());
  if (std::isalnum(first) || first == '_' || first == '-' || first == '.') return std::nullopt;
  const auto options = rest.substr(0, rest.find('&'));
  for (std::size_t at = options.find(';'); at != options.npos; at = options.find(';', at + 1)) {
    const auto word = options.substr(at + 1, options.find_first_of(";?", at + 1) - at - 1);
    if (word == "csv") return PageKind::Csv;
    if (word == "json") return PageKind::Json;
  }
  return PageKind::Html;
}

void append_page(std::string& out, const Facts& facts, std::span<const Row> rows) {
  const std::string title =
      fmt::format("Statistics Report for pid {}{}", facts.pid,
                  facts.node.empty() ? std::string() : " on " + escaped(facts.node));
  fmt::format_to(std::back_inserter(out),
                 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n"
                 "<style>{}</style>\n</head>\n<body>\n<h1>hapair {}</h1>\n<h2>{}</h2>\n",
                 title, kStyle, escaped(facts.version), title);
  const auto uptime = std::chrono::floor<std::chrono::seconds>(facts.uptime).count();
  fmt::format_to(
      std::back_inserter(out),
      "<p class=\"facts\">pid <b>{}</b> · node <b>{}</b> · up <b>{}</b> · workers <b>{}</b></p>\n"
      "<p class=\"facts\">current conns <b>{}</b> · conn rate <b>{}</b>/s · requests <b>{}</b> · "
      "maxconn <b>{}</b> · ulimit-n <b>{}</b></p>\n",
      facts.pid, escaped(facts.node), ago(uptime), facts.workers,
      grouped(static_cast<std::int64_t>(facts.current_connections)), facts.connection_rate,
      grouped(static_cast<std::int64_t>(facts.requests)), facts.max_connections,
      facts.max_descriptors);
  fmt::format_to(std::back_inserter(out),
                 "<p><a href=\"{0}\">Refresh</a> · <a href=\"{0};csv\">CSV</a> · <a href=\"{0};json\">JSON</a></p>\n",
                 escaped(facts.uri));
  out += "<p class=\"key\">";
  for (const Colour& each : {kUp, kSpare, kBlind, kChange, kLeave, kDown, kMaint})
    fmt::format_to(std::back_inserter(out), "<span style=\"background:var(--{})\">{}</span> ",
                   each.name, each.meaning);
  out += "</p>\n";
  std::string_view proxy;
  bool open = false;
  for (const Row& row : rows) {
    if (!open || row.pxname != proxy) {
      if (open) out += "</tbody>\n</table></div>\n";
      proxy = row.pxname;
      open = true;
      out += "<h3>";
      append_text(out, proxy);
      out += "</h3>\n<div class=\"scroll\"><table>\n";
      append_head(out);
      out += "<tbody>\n";
    }
    append_row(out, row);
  }
  if (open) out += "</tbody>\n</table></div>\n";
  out +=
      "<footer>Times: d h m s. Bytes from and to clients. LastChk: result/status in milliseconds; "
      "point at it "
      "for the reason.</footer>\n</body>\n</html>\n";
}

}  // namespace hapair::admin
