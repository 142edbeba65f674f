#include "proxy/config/approach.h"

#include <gtest/gtest.h>

#include "proxy/config/loader.h"

namespace hapair::proxy {
namespace {

std::string file(std::string_view backend_keys, std::string_view server_keys) {
  return fmt::format(R"([defaults]
timeout = {{ connect = "5s", client = "50s", server = "40s" }}
[listen.web]
bind = "*:80"
{}
[[listen.web.server]]
name = "web1"
{}
)",
                     backend_keys, server_keys);
}

Server server(std::string_view backend_keys, std::string_view server_keys) {
  Diagnostics found;
  const auto config = load_config(
      parse_document(file(backend_keys, server_keys), "t.toml", "", found), found);
  EXPECT_TRUE(config) << found.to_string();
  EXPECT_EQ(found.to_string(), "");
  return config ? config->backends[0].servers[0] : Server{};
}

std::string complaints(std::string_view backend_keys, std::string_view server_keys) {
  Diagnostics found;
  load_config(parse_document(file(backend_keys, server_keys), "t.toml", "", found), found);
  std::string out;
  for (const Diagnostic& diagnostic : found.sorted())
    out += fmt::format("{}:{} {} ({})\n", diagnostic.where.line, diagnostic.where.column,
                       diagnostic.message, diagnostic.hint);
  return out;
}

constexpr std::string_view kAddress = "address = \"10.0.0.2:80\"";

TEST(Approach, OfAServerIsItsBackendsUnlessItSays) {
  constexpr std::string_view of_backend =
      "source = { address = \"10.0.0.1\", ports = \"10000-20000\", interface = \"eth1\" }\n"
      "send_proxy = \"v1\"";
  const Server silent = server(of_backend, kAddress);
  EXPECT_EQ(silent.approach.source->to_string(), "10.0.0.1");
  EXPECT_EQ(silent.approach.first_port, 10000);
  EXPECT_EQ(silent.approach.last_port, 20000);
  EXPECT_EQ(silent.approach.interface, "eth1");
  EXPECT_EQ(silent.send_proxy, (SendProxy{SendProxy::Version::V1, false}));
  const Server own =
      server(of_backend, "address = \"10.0.0.2:80\"\nsource = \"10.0.0.9\"\nsend_proxy = { version = "
                         "\"v2\", crc32c = true }");
  EXPECT_EQ(own.approach, (Approach{.source = *IpAddress::parse("10.0.0.9")}));
  EXPECT_EQ(own.send_proxy, (SendProxy{SendProxy::Version::V2, true}));
  EXPECT_FALSE(
      server(of_backend, "address = \"10.0.0.2:80\"\nsend_proxy = false").send_proxy);
  EXPECT_EQ(server("", "address = \"10.0.0.2:80\"\nsource = { interface = \"eth2\" }").approach,
            (Approach{.interface = "eth2"}));
  EXPECT_EQ(server("", "address = \"[::2]:80\"\nsource = { address = \"::1\", ports = \"5000\" }")
                .approach.last_port,
            5000);
}

TEST(Approach, MayBeAUnixSocket) {
  const Server path = server("source = \"10.0.0.1\"", "address = \"unix:/run/web.sock\"");
  EXPECT_EQ(path.approach, (Approach{.unix_socket = UnixAddress{"/run/web.sock", false}}));
  EXPECT_EQ(path.address, SocketAddress{});
  EXPECT_TRUE(server("", "address = \"unix:@web\"").approach.unix_socket->is_abstract);
}

TEST(Approach, SaysWhatIsWrongInItsPlace) {
  const auto of_server = [](std::string_view keys) {
    return complaints("", fmt::format("{}\n{}", kAddress, keys));
  };
  EXPECT_EQ(of_server("source = \"eth1\""),
            "9:10 'eth1' is not an IP address (names are not looked up) ()\n");
  EXPECT_EQ(of_server("source = \"0.0.0.0\""),
            "9:10 every address is no address to come from (name one of this host's addresses, or "
            "leave source out)\n");
  EXPECT_EQ(of_server("source = \"::1\""),
            "8:11 10.0.0.2:80 cannot be reached from source ::1 (both must be IPv4 or both IPv6)\n");
  EXPECT_EQ(of_server("source = {}").substr(0, 30), "9:10 the table says nothing (s");
  EXPECT_EQ(of_server("source = 1").substr(0, 52),
            "9:10 source must be an address or a table, not a who");
  for (const char* ports : {"20-10", "0-5", "x", "5-", "1-65536", ""})
    EXPECT_EQ(of_server(fmt::format("source = {{ address = \"10.0.0.1\", ports = \"{}\" }}", ports)),
              fmt::format("9:42 \"{}\" is no range of ports (as \"10000-20000\")\n", ports));
  EXPECT_EQ(of_server("source = { ports = \"1-5\" }"),
            "9:20 ports need the address they belong to (address = \"10.0.0.1\")\n");
  EXPECT_EQ(of_server("source = { interface = \"a b\" }"),
            "9:24 \"a b\" cannot be the name of an interface (as \"eth1\")\n");
  EXPECT_EQ(of_server("source = { adress = \"10.0.0.1\" }"),
            "9:12 unknown key 'adress' in listen.web.server.source (did you mean \"address\"?)\n");
  EXPECT_EQ(of_server("send_proxy = true"),
            "9:14 send_proxy must name a version, not true or false (\"v1\" or \"v2\")\n");
  EXPECT_EQ(of_server("send_proxy = \"v3\""),
            "9:14 unknown send_proxy \"v3\" (did you mean \"v1\"?)\n");
  EXPECT_EQ(of_server("send_proxy = { crc32c = true }"),
            "9:14 send_proxy needs a version (version = \"v2\")\n"
            "9:25 version 1 has no room for a checksum (version = \"v2\")\n");
  EXPECT_EQ(of_server("send_proxy = { version = \"v2\", authority = true }"),
            "9:32 authority: known, but not built yet (leave it out for now)\n");
  EXPECT_EQ(complaints("", "address = \"unix:web.sock\""),
            "8:11 'unix:web.sock': the path of a Unix socket begins with '/' (as "
            "\"unix:/run/web1.sock\")\n");
  EXPECT_EQ(complaints("", "address = \"/run/web.sock\""),
            "8:11 '/run/web.sock' is no address (did you mean \"unix:/run/web.sock\"?)\n");
  EXPECT_EQ(complaints("", "address = \"unix:/a\"\nsource = \"10.0.0.1\""),
            "9:10 a Unix socket is reached from no address (leave source out)\n");
}

}  // namespace
}  // namespace hapair::proxy
