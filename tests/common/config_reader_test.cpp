#include "common/config_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/toml_outline.h"

namespace hapair {
namespace {

using namespace std::chrono_literals;

/// What parsing says, as printed.
std::string mistakes(std::string_view text, std::string_view node = "") {
  Diagnostics found;
  parse_document(text, "t.toml", node, found);
  return found.to_string();
}

ConfigDocument parse(std::string_view text, std::string_view node = "") {
  Diagnostics found;
  ConfigDocument document = parse_document(text, "t.toml", node, found);
  EXPECT_EQ(found.to_string(), "");
  return document;
}

const ConfigNode::Entry& at(const ConfigNode& root, std::initializer_list<std::string_view> path) {
  const ConfigNode::Entry* entry = nullptr;
  const ConfigNode* node = &root;
  for (const std::string_view key : path) {
    entry = node->find(key);
    if (!entry) throw std::runtime_error(std::string(key));
    node = &entry->value;
  }
  return *entry;
}

std::string place(const SourceLocation& where) {
  return fmt::format("{}:{}", where.line, where.column);
}
std::string places(const ConfigNode::Entry& entry) {
  return place(entry.key_where) + " " + place(entry.value.where);
}

TEST(ConfigReader, KnowsWhereKeysAndValuesStand) {
  const auto document = parse(R"(top = 1
[backend.web]
balance = "roundrobin"
  indented.dotted = true
"quoted key" = [1,
  2]
same = { same = "same", other = { same = 3 } }
[[backend.web.server]]
name = "a"
[[backend.web.server]]
name = "b"
)");
  const ConfigNode& root = document.root;
  EXPECT_EQ(places(at(root, {"top"})), "1:1 1:7");
  EXPECT_EQ(places(at(root, {"backend"})), "2:2 2:2");
  EXPECT_EQ(places(at(root, {"backend", "web"})), "2:10 2:1");
  EXPECT_EQ(places(at(root, {"backend", "web", "balance"})), "3:1 3:11");
  EXPECT_EQ(places(at(root, {"backend", "web", "indented", "dotted"})), "4:12 4:21");
  EXPECT_EQ(places(at(root, {"backend", "web", "quoted key"})), "5:1 5:16");
  EXPECT_EQ(place(at(root, {"backend", "web", "quoted key"}).value.array[1].where), "6:3");
  EXPECT_EQ(places(at(root, {"backend", "web", "same"})), "7:1 7:8");
  EXPECT_EQ(places(at(root, {"backend", "web", "same", "same"})), "7:10 7:17");
  EXPECT_EQ(places(at(root, {"backend", "web", "same", "other", "same"})), "7:35 7:42");
  const auto& servers = at(root, {"backend", "web", "server"}).value.array;
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(place(servers[1].where), "10:1");
  EXPECT_EQ(places(at(servers[1], {"name"})), "11:1 11:8");
}

TEST(ConfigReader, CountsColumnsInCharacters) {
  const auto document = parse("a = { \"k\xc3\xbc\" = \"\xc3\xa4\xc3\xb6\", b = 1 }\n");
  EXPECT_EQ(places(at(document.root, {"a", "b"})), "1:20 1:24");
  EXPECT_EQ(places(at(parse("\xef\xbb\xbfx = 1\n").root, {"x"})), "1:1 1:5");
  EXPECT_EQ(places(at(parse("y = 1\r\nx = 1\r\n").root, {"x"})), "2:1 2:5");
}

TEST(ConfigReader, ReadsEveryKindOfValue) {
  const auto document = parse(R"(hex = 0xff
octal = 0o17
binary = 0b101
grouped = 1_000
negative = -3
half = 0.5
yes = true
literal = 'C:\x'
escaped = "a\tb\u00e4"
long = """
two
lines"""
date = 1979-05-27
moment = 1979-05-27 07:32:00
empty = []
mixed = ["*:80", { address = "*:443" },]  # comment
)");
  const ConfigNode& root = document.root;
  EXPECT_EQ(at(root, {"hex"}).value.integer, 255);
  EXPECT_EQ(at(root, {"octal"}).value.integer, 15);
  EXPECT_EQ(at(root, {"binary"}).value.integer, 5);
  EXPECT_EQ(at(root, {"grouped"}).value.integer, 1000);
  EXPECT_EQ(at(root, {"negative"}).value.integer, -3);
  EXPECT_EQ(at(root, {"half"}).value.floating, 0.5);
  EXPECT_TRUE(at(root, {"yes"}).value.boolean);
  EXPECT_EQ(at(root, {"literal"}).value.string, "C:\\x");
  EXPECT_EQ(at(root, {"escaped"}).value.string, "a\tb\xc3\xa4");
  EXPECT_EQ(at(root, {"long"}).value.string, "two\nlines");
  EXPECT_EQ(at(root, {"date"}).value.kind, ConfigNode::Kind::Other);
  EXPECT_EQ(at(root, {"moment"}).value.kind, ConfigNode::Kind::Other);
  EXPECT_EQ(at(root, {"mixed"}).value.array.size(), 2U);
}

TEST(ConfigReader, KeepsTheOrderOfTheFile) {
  const auto document = parse("z = 1\na = 2\nm = 3\n");
  std::string order;
  for (const auto& entry : document.root.table) order += entry.key;
  EXPECT_EQ(order, "zam");
}

struct Mistake {
  const char* text;
  const char* place;    // line:column
  const char* message;  // a part of it, or of the hint
};

TEST(ConfigReader, SaysWhereTheTextIsNotToml) {
  const Mistake table[] = {
      {"a = \n", "1:5", "expected a value after '='"},
      {"a\n", "1:2", "expected '=' after the key"},
      {"a : 1\n", "1:3", "TOML writes key = value"},
      {"= 1\n", "1:1", "expected a key"},
      {"a. = 1\n", "1:4", "a name must follow the dot"},
      {"a = roundrobin\n", "1:5", "a string needs quotes: \"roundrobin\""},
      {"a = 5s\n", "1:5", "a string needs quotes: \"5s\""},
      {"a = yes\n", "1:5", "write true or false"},
      {"a = True\n", "1:5", "write true or false"},
      {"a = 012\n", "1:5", "012 is not a value"},
      {"a = \"open\nb = 1\n", "1:5", "no closing quote"},
      {"a = '''open\n\n", "1:5", "no closing quote"},
      {"a = \"x\" b = 2\n", "1:9", "one key = value a line"},
      {"a = [1, 2\nb = 3\n", "2:1", "expected ',' or ']'"},
      {"a = [1 2]\n", "1:8", "expected ',' or ']'"},
      {"a = [1,\n", "1:5", "no closing ']'"},
      {"a = { b = 1\n}\n", "1:5", "not closed on its line"},
      {"a = { b = 1, }\n", "1:14", "before the closing '}'"},
      {"a = { b = 1 c = 2 }\n", "1:13", "expected ',' or '}'"},
      {"[a\n", "1:3", "expected ']'"},
      {"[[a]\n", "1:4", "expected ']]'"},
      {"[a]]\n", "1:4", "unexpected ']'"},
      {"[]\n", "1:2", "expected a key"},
      {"x = 1\n  x = 2\n", "2:3", "given twice"},
      {"a.b = 1\n\na.b = 2\n", "3:3", "given twice"},
      {"t = { k = 1, k = 2 }\n", "1:14", "given twice"},
      {"[a]\n[b]\n[a]\n", "3:2", "defined twice"},
      {"[a]\nx = 1\n[a.x]\n", "3:4", "defined twice"},
      {"[[a]]\n[a]\n", "2:2", "write [[a]]"},
      {"[a]\n[[a]]\n", "2:3", "not a list of [[tables]]"},
      {"a = { b = 1 }\n[a.c]\n", "2:2", "complete"},
      {"a = 1\na.b = 2\n", "2:1", "a value already"},
      {"a = \"\x01\"\n", "1:6", "control byte 0x01"},
      {"a = \"\xff\"\n", "1:6", "not UTF-8"},
      {"a = \"\\q\"\n", "1:", ""},
      {"a = 1979-13-45\n", "1:", ""},
      {"a = 99999999999999999999\n", "1:5", "too large"},
      {"a = 0xffffffffffffffff\n", "1:5", "too large"},
  };
  for (const Mistake& mistake : table) {
    Diagnostics found;
    parse_document(mistake.text, "t.toml", "", found);
    const auto list = found.sorted();
    ASSERT_EQ(list.size(), 1U) << mistake.text;
    EXPECT_EQ(place(list[0].where).find(mistake.place), 0U) << mistake.text << found.to_string();
    EXPECT_NE((list[0].message + list[0].hint).find(mistake.message), std::string::npos)
        << mistake.text << found.to_string();
    EXPECT_EQ(list[0].message.find("toml::"), std::string::npos) << found.to_string();
  }
}

TEST(ConfigReader, RefusesBottomlessNesting) {
  EXPECT_NE(mistakes("a = " + std::string(100000, '[')).find("nested too deep"), std::string::npos);
  std::string dotted = "a";
  for (int i = 0; i < 100000; ++i) dotted += ".a";
  EXPECT_NE(mistakes(dotted + " = 1\n").find("nested too deep"), std::string::npos);
  EXPECT_NE(mistakes("[" + dotted + "]\n").find("nested too deep"), std::string::npos);
}

TEST(ConfigReader, ReplacesVariablesInsideStrings) {
  setenv("HAPAIR_TEST_PORT", "8080", 1);
  setenv("HAPAIR_TEST_EMPTY", "", 1);
  unsetenv("HAPAIR_TEST_NONE");
  const auto document = parse(R"(a = "*:${HAPAIR_TEST_PORT}"
b = "${HAPAIR_TEST_NONE:-1.2.3.4}:${HAPAIR_TEST_PORT:-9}"
c = "x${HAPAIR_TEST_EMPTY}y${HAPAIR_TEST_EMPTY:-z}"
d = "$${HOME} $5 $"
e = ["${HAPAIR_TEST_NONE:-}"]
)");
  EXPECT_EQ(at(document.root, {"a"}).value.string, "*:8080");
  EXPECT_EQ(at(document.root, {"b"}).value.string, "1.2.3.4:8080");
  EXPECT_EQ(at(document.root, {"c"}).value.string, "xyz");
  EXPECT_EQ(at(document.root, {"d"}).value.string, "${HOME} $5 $");
  EXPECT_EQ(at(document.root, {"e"}).value.array[0].string, "");
  EXPECT_EQ(mistakes("a = \"${HAPAIR_TEST_NONE}\"\nb = \"${oops\"\nc = \"${1x}\"\n"),
            R"(t.toml:1:5: error: the environment has no variable HAPAIR_TEST_NONE
    1 | a = "${HAPAIR_TEST_NONE}"
      |     ^ set it, or write ${HAPAIR_TEST_NONE:-default}
t.toml:2:5: error: '${' without its '}'
    2 | b = "${oops"
      |     ^ write $${ for the two characters themselves
t.toml:3:5: error: '1x' is not the name of a variable
    3 | c = "${1x}"
      |     ^ ${NAME} or ${NAME:-default}
)");
}

constexpr std::string_view kPair = R"([node.hap1]
address = "192.168.50.11"
vrrp.instance.VI_1.priority = 101
[node.hap2]
address = "192.168.50.12"
[node.hap2.vrrp.instance.VI_1]
priority = 100
[vrrp.instance.VI_1]
priority = 1
interface = "eth1"
)";

TEST(ConfigReader, LaysTheNodeOverTheFile) {
  const auto first = parse(kPair, "hap1"), second = parse(kPair, "hap2");
  EXPECT_EQ(at(first.root, {"vrrp", "instance", "VI_1", "priority"}).value.integer, 101);
  EXPECT_EQ(at(second.root, {"vrrp", "instance", "VI_1", "priority"}).value.integer, 100);
  EXPECT_EQ(at(first.root, {"vrrp", "instance", "VI_1", "interface"}).value.string, "eth1");
  EXPECT_EQ(first.root.find("node"), nullptr);
  EXPECT_EQ(first.root.find("address"), nullptr);
  EXPECT_EQ(first.node_names, (std::vector<std::string>{"hap1", "hap2"}));
  EXPECT_EQ(at(first.nodes, {"hap2", "address"}).value.string, "192.168.50.12");
  EXPECT_EQ(place(at(first.root, {"vrrp", "instance", "VI_1"}).value.where), "8:1");
}

TEST(ConfigReader, NamesTheNodesWhenThisHostIsNone) {
  EXPECT_EQ(
      mistakes(kPair, "hap3"),
      R"(t.toml:1:1: error: this host is 'hap3', which is no node of this file (it has hap1, hap2)
    1 | [node.hap1]
      | ^ say --node hap1, or add [node.hap3]
)");
  EXPECT_EQ(mistakes("a = 1\n", "hap3"), "");  // a file without nodes is for every host
  EXPECT_EQ(mistakes("node = 1\n").find("t.toml:1:8: error: node must be a table"), 0U);
  EXPECT_EQ(mistakes("node.x = 1\n").find("t.toml:1:6: error: 'x' stands outside of any node"), 0U);
}

class ConfigFiles : public testing::Test {
 protected:
  ConfigFiles() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "hapair-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigFiles() override { std::filesystem::remove_all(folder_); }
  std::string write(std::string_view name, std::string_view text) {
    const auto path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }
  std::filesystem::path folder_;
};

TEST_F(ConfigFiles, MergeLaterOverEarlier) {
  const std::vector<std::string> files = {
      write("a.toml", "[t]\nx = 1\nlist = [1, 2]\n[t.deep]\nk = 1\n"),
      write("b.toml", "[t]\ny = 2\nlist = [3]\n[t.deep]\nk = 2\n[node.n.t]\nx = 9\n")};
  Diagnostics found;
  const auto document = load_document(files, "n", found);
  EXPECT_EQ(found.to_string(), "");
  EXPECT_EQ(at(document.root, {"t", "x"}).value.integer, 9);
  EXPECT_EQ(at(document.root, {"t", "y"}).value.integer, 2);
  EXPECT_EQ(at(document.root, {"t", "list"}).value.array.size(), 1U);  // replaced whole
  EXPECT_EQ(at(document.root, {"t", "deep", "k"}).value.integer, 2);
  EXPECT_EQ(at(document.root, {"t", "deep", "k"}).value.where.file, files[1]);
}

TEST_F(ConfigFiles, ThatReplaceAListOfTablesAreWarnedOf) {
  const std::string first =
      write("a.toml", "[t]\none = []\n[[t.b.server]]\nx = 1\n[[t.b.server]]\nx = 2\n");
  const std::string second =
      write("b.toml", "[[t.one]]\nx = 1\n[[t.b.server]]\nx = 3\n[[t.new]]\nx = 1\n");
  Diagnostics found;
  const auto document = load_document(std::vector{first, second}, "", found);
  EXPECT_EQ(at(document.root, {"t", "b", "server"}).value.array.size(), 1U);
  ASSERT_EQ(found.sorted().size(), 1U) << found.to_string();
  EXPECT_EQ(
      found.to_string(),
      fmt::format(
          "{1}:3:1: warning: this [[t.b.server]] takes the place of those in {0}, from line 3 on\n"
          "    3 | [[t.b.server]]\n"
          "      | ^ a list is not added to: write all of it in one file\n",
          first, second));
  // Who empties a list means it.
  Diagnostics silent;
  load_document(std::vector{first, write("c.toml", "t.b.server = []\n")}, "", silent);
  EXPECT_EQ(silent.to_string(), "");
}

TEST_F(ConfigFiles, ThatCannotBeReadSayWhy) {
  const std::vector<std::string> files = {folder_ / "none.toml", folder_};
  Diagnostics found;
  load_document(files, "", found);
  EXPECT_EQ(found.to_string(),
            fmt::format("error: cannot read {}/none.toml: No such file or directory\n"
                        "error: cannot read {}: Is a directory\n",
                        folder_.string(), folder_.string()));
}

TEST_F(ConfigFiles, ThatArePipesAreRefusedAndNotWaitedFor) {
  const std::string pipe = folder_ / "pipe.toml";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Diagnostics found;
  load_document(std::vector{pipe}, "", found);
  EXPECT_EQ(found.to_string(),
            fmt::format("error: cannot read {}: not a regular file; write the configuration into one\n",
                        pipe));
}

TEST(Inherit, MarksWhatTheDefaultsGave) {
  const auto document = parse(R"([defaults]
mode = "http"
timeout = { connect = "5s", client = "1s" }
[web]
timeout = { client = "2s" }
)");
  const ConfigNode own =
      inherit(at(document.root, {"defaults"}).value, at(document.root, {"web"}).value);
  EXPECT_TRUE(at(own, {"mode"}).inherited);
  EXPECT_FALSE(at(own, {"timeout"}).inherited);
  EXPECT_TRUE(at(own, {"timeout", "connect"}).inherited);
  EXPECT_FALSE(at(own, {"timeout", "client"}).inherited);
  EXPECT_EQ(at(own, {"timeout", "client"}).value.string, "2s");
  EXPECT_EQ(place(own.where), "4:1");
}

TEST(TableReader, HandsOutTypedValues) {
  const auto document = parse(R"(s = "text"
b = true
i = 42
d = "100ms"
z = "16KiB"
n = 512
one = "a"
many = ["a", "b"]
w = "close"
)");
  Diagnostics found;
  TableReader table(document.root, "t", found);
  EXPECT_EQ(table.string("s"), "text");
  EXPECT_EQ(table.boolean("b"), true);
  EXPECT_EQ(table.integer("i", 0, 100), 42);
  EXPECT_EQ(table.duration("d"), Duration(100ms));
  EXPECT_EQ(table.size("z"), 16384U);
  EXPECT_EQ(table.size("n"), 512U);
  EXPECT_EQ(table.strings("one"), std::vector<std::string>{"a"});
  EXPECT_EQ(table.strings("many").size(), 2U);
  const std::vector<std::string> words = {"keep-alive", "close"};
  EXPECT_EQ(table.word("w", words), 1U);
  EXPECT_EQ(table.string("absent"), std::nullopt);
  table.finish();
  EXPECT_EQ(found.to_string(), "");
}

TEST(TableReader, TellsEveryMistakeWithItsRemedy) {
  const auto document = parse(R"(name = 5
check = "true"
maxconn = "32"
weight = 300
connect = 5
client = "5"
server = "1h"
size = true
list = [1]
word = "clsoe"
table = 1
tables = {}
nmae = 1
xyzzy = 1
)");
  Diagnostics found;
  TableReader table(document.root, "t", found);
  table.string("name");
  table.boolean("check");
  table.integer("maxconn", 0, 100);
  table.integer("weight", 0, 256);
  table.duration("connect");
  table.duration("client");
  table.duration("server", 0s, 60s);
  table.size("size");
  table.strings("list");
  const std::vector<std::string> words = {"keep-alive", "close"};
  table.word("word", words);
  table.table("table");
  table.tables("tables");
  table.finish();
  EXPECT_EQ(found.to_string(), R"(t.toml:1:8: error: name must be a string, not a whole number
    1 | name = 5
      |        ^ in quotes: "5"
t.toml:2:9: error: check must be true or false, not a string
    2 | check = "true"
      |         ^ without quotes: true
t.toml:3:11: error: maxconn must be a whole number, not a string
    3 | maxconn = "32"
      |           ^ without quotes: 32
t.toml:4:10: error: weight is 300, out of range
    4 | weight = 300
      |          ^ a number from 0 to 256
t.toml:5:11: error: connect is a duration and needs a unit
    5 | connect = 5
      |           ^ write "5s" for seconds or "5ms" for milliseconds
t.toml:6:10: error: client: '5' has no unit: write "5s" for seconds, "5ms" for milliseconds
    6 | client = "5"
      |          ^
t.toml:7:10: error: server is 1h, out of range
    7 | server = "1h"
      |          ^ from 0s to 1m
t.toml:8:8: error: size is not a size
    8 | size = true
      |        ^ as "16KiB" or a number of bytes
t.toml:9:9: error: list is a list of strings: this is a whole number
    9 | list = [1]
      |         ^
t.toml:10:8: error: unknown word "clsoe"
   10 | word = "clsoe"
      |        ^ did you mean "close"?
t.toml:11:9: error: table must be a table, not a whole number
   11 | table = 1
      |         ^ write table = { … } or [t.table]
t.toml:12:10: error: tables must be a list of tables, not a table
   12 | tables = {}
      |          ^ write [[t.tables]], once for each
t.toml:13:1: error: unknown key 'nmae' in t
   13 | nmae = 1
      | ^ did you mean "name"?
t.toml:14:1: error: unknown key 'xyzzy' in t
   14 | xyzzy = 1
      | ^ known here: check, client, connect, list, maxconn, name, server, size, table, tables, weight, word
)");
}

TEST(TableReader, DoesNotReportInheritedKeysAsUnknown) {
  const auto document = parse("[defaults]\nretries = 3\n[web]\nbind = \"x\"\n");
  const ConfigNode own =
      inherit(at(document.root, {"defaults"}).value, at(document.root, {"web"}).value);
  Diagnostics found;
  TableReader table(own, "web", found);
  table.string("bind");
  table.finish();
  EXPECT_FALSE(found.has_errors());
}

TEST(Diagnostics, ComeInTheOrderOfTheFileAndOnce) {
  Diagnostics found;
  found.error({"a", 2, 1, "x"}, "later");
  found.warning({"a", 1, 5, "x"}, "earlier");
  found.error({"a", 2, 1, "x"}, "later");
  const auto list = found.sorted();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].message, "earlier");
  Diagnostics harmless;
  harmless.warning({}, "careful", "do so");
  EXPECT_FALSE(harmless.has_errors());
  EXPECT_EQ(harmless.to_string(), "warning: careful\n  do so\n");
}

TEST(Diagnostics, PutTheCaretUnderTheColumn) {
  EXPECT_EQ(to_string({.where = {"a", 7, 6, "\tk = \xc3\xbc!"}, .message = "m", .hint = "h"}),
            "a:7:6: error: m\n    7 | \tk = \xc3\xbc!\n      | \t    ^ h\n");
  EXPECT_EQ(to_string({.where = {"a", 1, 3, "\xc3\xa4\xc3\xb6z"}, .message = "m"}),
            "a:1:3: error: m\n    1 | \xc3\xa4\xc3\xb6z\n      |   ^\n");
  // Behind the end of the line, where something is missing.
  EXPECT_EQ(to_string({.where = {"a", 1, 5, "a ="}, .message = "m"}),
            "a:1:5: error: m\n    1 | a =\n      |     ^\n");
}

TEST(Diagnostics, ShowLongLinesAroundTheColumnAndNoControlBytes) {
  const std::string text =
      to_string({.where = {"a", 1, 5000, std::string(10000, 'x')}, .message = "m"});
  EXPECT_LT(text.size(), 400U);
  EXPECT_EQ(to_string({.where = {"a", 1, 1, "\x1b[31m"}, .message = "m"}).find('\x1b'),
            std::string::npos);
}

}  // namespace
}  // namespace hapair
