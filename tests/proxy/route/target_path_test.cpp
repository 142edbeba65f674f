#include "proxy/route/target_path.h"

#include <gtest/gtest.h>

namespace hapair::route {
namespace {

/// The normal form, or "?" where there is no safe one.
std::string normal(std::string_view target) {
  std::string buffer;
  return std::string(normal_path(target, buffer).value_or("?"));
}

TEST(TargetPath, LeavesANormalOneWhereItIs) {
  std::string buffer;
  const std::string_view target = "/images/tux.jpg?size=3";
  const auto path = normal_path(target, buffer);
  EXPECT_EQ(path, "/images/tux.jpg");
  EXPECT_EQ(path->data(), target.data());
  EXPECT_EQ(normal("*"), "*");
  EXPECT_EQ(normal("/"), "/");
  EXPECT_EQ(normal("/?a=/../b"), "/");
}

TEST(TargetPath, DecodesOnce) {
  EXPECT_EQ(normal("/%61dmin"), "/admin");
  EXPECT_EQ(normal("/%41%2d%7E"), "/A-~");
  EXPECT_EQ(normal("/%2561dmin"), "/%61dmin");
  EXPECT_EQ(normal("/a%20b%3Fc"), "/a b?c");
  EXPECT_EQ(normal("/%c3%a9"), "/\xc3\xa9");
}

TEST(TargetPath, KnowsEverySlashForOne) {
  EXPECT_EQ(normal("//admin"), "/admin");
  EXPECT_EQ(normal("///admin//x"), "/admin/x");
  EXPECT_EQ(normal("/%2fadmin"), "/admin");
  EXPECT_EQ(normal("/admin%2Fx"), "/admin/x");
  EXPECT_EQ(normal("/\\admin"), "/admin");
  EXPECT_EQ(normal("/%5Cadmin"), "/admin");
  EXPECT_EQ(normal("//"), "/");
}

TEST(TargetPath, ResolvesDots) {
  EXPECT_EQ(normal("/./admin"), "/admin");
  EXPECT_EQ(normal("/x/../admin"), "/admin");
  EXPECT_EQ(normal("/x/%2e%2E/admin"), "/admin");
  EXPECT_EQ(normal("/../../admin"), "/admin");
  EXPECT_EQ(normal("/a/b/.."), "/a/");
  EXPECT_EQ(normal("/a/."), "/a/");
  EXPECT_EQ(normal("/a/.."), "/");
  EXPECT_EQ(normal("/a//../b"), "/b");
  EXPECT_EQ(normal("/.well-known/x"), "/.well-known/x");
  EXPECT_EQ(normal("/...//..a"), "/.../..a");
}

TEST(TargetPath, LeavesParametersOut) {
  EXPECT_EQ(normal("/admin;v=1"), "/admin");
  EXPECT_EQ(normal("/a;x/b;y=2;z/c"), "/a/b/c");
  EXPECT_EQ(normal("/;x/admin"), "/admin");
  EXPECT_EQ(normal("/a%3Bx"), "/a;x");
}

TEST(TargetPath, HasNoReadingWhereServersMayDisagree) {
  for (const char* target :
       {"/%zz", "/a%", "/a%2", "/%u0061dmin",          // malformed
        "/a%00b", "/a%0ab", "/a%7f",                   // control bytes
        "/admin%2f..%2fpublic", "/a%2f%2e%2e/b", "/a/..%2fb", "/%2fa/../b",  // hidden slashes climb
        "/a\\..\\b", "/a%5c..%5cb",
        "/public/..;/admin", "/x/.;/y", "/x/%2e%2e;a/y"})  // dots with parameters
    EXPECT_EQ(normal(target), "?") << target;
}

TEST(TargetPath, IsTheSameNormalisedAgain) {
  for (const char* target : {"//a/./b/../c;d", "/%61/%2fb", "/a/b/..", "/..", "/;/..", "/a//"}) {
    const std::string once = normal(target);
    EXPECT_EQ(normal(once), once) << target;
  }
}

}  // namespace
}  // namespace hapair::route
