// `tls` in a check: whom it asks for, whom it believes, and what cannot be meant so.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "proxy/config/loader.h"
#include "tests/proxy/tls/certificates.h"

namespace hapair::proxy {
namespace {

class CheckTlsTest : public ::testing::Test {
 protected:
  CheckTlsTest() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              fmt::format("check_tls_{}", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    write("ca.pem", authority_);
  }
  ~CheckTlsTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  /// The backend's check on line 7, and a server's own keys below its name on line 11.
  std::optional<Config> load(const std::string& check, const std::string& of_server = {}) {
    const std::string text =
        "[defaults]\ntimeout = { client = \"1s\", connect = \"1s\", server = \"1s\" }\n"
        "[frontend.web]\nbind = [\"*:80\"]\ndefault_backend = \"app\"\n[backend.app]\ncheck = " +
        check + "\n[[backend.app.server]]\nname = \"a\"\naddress = \"10.0.0.1:80\"\n" + of_server + "\n";
    found_ = Diagnostics{};
    return load_config(parse_document(text, (folder_ / "t.toml").string(), "", found_), found_);
  }
  std::optional<CheckTls> tls_of(const std::string& check, const std::string& of_server = {}) {
    const auto config = load(check, of_server);
    EXPECT_TRUE(config) << found_.to_string();
    return config ? config->backends[0].servers[0].check->tls : std::nullopt;
  }
  /// "line:column message / hint" of the first mistake.
  std::string complaint(const std::string& check, const std::string& of_server = {}) {
    EXPECT_FALSE(load(check, of_server)) << check;
    const auto all = found_.sorted();
    if (all.empty()) return "";
    std::string message = all[0].message;
    const std::string folder = folder_.string() + "/";
    if (const auto at = message.find(folder); at != message.npos) message.erase(at, folder.size());
    return fmt::format("{}:{} {} / {}", all[0].where.line, all[0].where.column, message, all[0].hint);
  }

  const std::string authority_ = tls::TestAuthority("Lab CA").own().certificate;
  std::filesystem::path folder_;
  Diagnostics found_;
};

TEST_F(CheckTlsTest, AsksByNameAndBelievesTheAuthoritiesOfAFileBesideIt) {
  const auto tls = tls_of(R"({ tls = { server_name = "App-1.example.org", ca_file = "ca.pem" } })");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->server_name, "App-1.example.org");
  EXPECT_EQ(tls->trust, *tls::Trust::of(authority_));
}

TEST_F(CheckTlsTest, BelievesAnybodyIfItIsToldTo) {
  const auto tls = tls_of(R"({ type = "http", tls = { verify = false } })");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->trust, tls::Trust::everybody());
  EXPECT_EQ(tls->server_name, "");
}

TEST_F(CheckTlsTest, IsAbsentUnlessAskedFor) {
  EXPECT_FALSE(tls_of("true"));
  EXPECT_FALSE(tls_of("{ tls = false }"));
}

TEST_F(CheckTlsTest, OfAServerLiesOverItsBackends) {
  const std::string backend = R"({ tls = { server_name = "one.test", ca_file = "ca.pem" } })";
  EXPECT_EQ(tls_of(backend, R"(check = { tls = { server_name = "two.test" } })")->server_name, "two.test");
  EXPECT_EQ(tls_of(backend, R"(check = { tls = { server_name = "two.test" } })")->trust,
            *tls::Trust::of(authority_));
  EXPECT_EQ(tls_of(backend, R"(check = { tls = { verify = false } })")->trust, tls::Trust::everybody());
  EXPECT_FALSE(tls_of(backend, "check = { tls = false }"));
  EXPECT_TRUE(tls_of(backend, R"(check = { request = "GET /" })"));
  EXPECT_FALSE(tls_of(backend, R"(check = { type = "mysql" })"));  // cannot have what the backend says
}

TEST_F(CheckTlsTest, IsAnotherOneWhenItsAuthoritiesAre) {
  const std::string check = R"({ tls = { ca_file = "ca.pem" } })";
  const auto before = load(check), same = load(check);
  write("ca.pem", tls::TestAuthority("Other CA").own().certificate);
  const auto after = load(check);
  ASSERT_TRUE(before && same && after);
  EXPECT_EQ(before->backends[0].servers[0].check, same->backends[0].servers[0].check);
  EXPECT_NE(before->backends[0].servers[0].check, after->backends[0].servers[0].check);
}

TEST_F(CheckTlsTest, SaysWhatIsWrong) {
  write("empty.pem", "nothing\n");
  EXPECT_EQ(complaint(R"({ tls = "yes" })"), "7:17 tls must be a table, not a string / tls = true, or a table");
  EXPECT_EQ(complaint(R"({ tls = { server_name = "10.0.0.1" } })"),
            "7:33 10.0.0.1 is an address: servers are asked for by name / leave it out, and the certificate "
            "must be for the address that is asked");
  for (const char* name : {"", "a b", "one.test.", ".test", "https://one.test", "*.one.test"})
    EXPECT_EQ(complaint(fmt::format("{{ tls = {{ server_name = \"{}\", verify = false }} }}", name)),
              fmt::format("7:33 \"{}\" is not the name of a host / as \"app.example.org\"", name));
  EXPECT_EQ(complaint(R"({ tls = { ca_file = "missing.pem" } })"),
            "7:29 cannot read missing.pem: No such file or directory / an absolute path, or one beside this file");
  EXPECT_EQ(complaint(R"({ tls = { ca_file = "empty.pem" } })"),
            "7:29 empty.pem: there is no certificate (-----BEGIN CERTIFICATE-----) / certificates of "
            "authorities, in PEM");
  EXPECT_EQ(complaint(R"({ tls = { verify = false, ca_file = "ca.pem" } })"),
            "7:45 nobody is verified: authorities are of no use / leave out ca_file, or verify");
  EXPECT_EQ(complaint(R"({ tls = { sni = "one.test" } })").substr(0, 37), "7:19 unknown key 'sni' in backend.app");
  EXPECT_EQ(complaint(R"({ type = "mysql", tls = { verify = false } })"),
            "7:33 a mysql check has no tls / the protocol begins in clear text");
  EXPECT_EQ(complaint(R"({ command = "/bin/true", tls = { verify = false } })"),
            "7:40 a command check has no tls / the command sees to that itself");
}

TEST_F(CheckTlsTest, NeedsANameWhereAServerHasNoAddress) {
  const auto unix_server = [this](const std::string& tls) {
    return load("{ tls = " + tls + " }", "[[backend.app.server]]\nname = \"b\"\naddress = \"unix:/run/b\"");
  };
  EXPECT_FALSE(unix_server(R"({ ca_file = "ca.pem" })"));
  EXPECT_EQ(found_.sorted()[0].message, "a Unix socket has no address that a certificate could be for");
  EXPECT_TRUE(unix_server(R"({ ca_file = "ca.pem", server_name = "one.test" })"));
  EXPECT_TRUE(unix_server(R"({ verify = false })"));
}

}  // namespace
}  // namespace hapair::proxy
