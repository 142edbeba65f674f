#include "common/json.h"

#include <gtest/gtest.h>

namespace hapair {
namespace {

TEST(Json, PutsCommasWhereTheyBelong) {
  JsonWriter json;
  json.open_object().member("a", 1).key("b").open_array().value("x").open_object().close_object();
  json.open_array().close_array().close_array().key("c").open_object().member("d", true);
  json.close_object().key("e").null().close_object();
  EXPECT_EQ(json.take(), R"({"a":1,"b":["x",{},[]],"c":{"d":true},"e":null})");
}

TEST(Json, EscapesWhatItMust) {
  JsonWriter json;
  json.open_array().value("a\"b\\c\n\x01\x1f é").close_array();
  EXPECT_EQ(json.take(), "[\"a\\\"b\\\\c\\u000a\\u0001\\u001f é\"]");
}

TEST(Json, WritesNumbersAsTheyAre) {
  JsonWriter json;
  json.open_array().value(18446744073709551615ULL).value(-1).value(0.1).value(2.0).value(1e-7);
  json.close_array();
  EXPECT_EQ(json.take(), "[18446744073709551615,-1,0.1,2,1e-07]");
}

}  // namespace
}  // namespace hapair
