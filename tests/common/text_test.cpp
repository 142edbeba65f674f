#include "common/text.h"

#include <gtest/gtest.h>

#include "common/bytes.h"

namespace hapair {
namespace {

TEST(Size, IsReadWithOrWithoutItsUnit) {
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("512B"), 512U);
  EXPECT_EQ(parse_size("16KiB"), 16384U);
  EXPECT_EQ(parse_size("1MiB"), 1048576U);
  EXPECT_EQ(parse_size("2GiB"), 2147483648U);
  for (const char* text : {"", "KiB", "16 KiB", "16kb", "-1", "1.5MiB", "99999999999GiB"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Text, IsTrimmedAndSplit) {
  EXPECT_EQ(trim(" \tword two\t "), "word two");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string_view>{""});
}

TEST(Number, IsTheWholeTextOrNothing) {
  EXPECT_EQ(parse_number<int>("42"), 42);
  for (const char* text : {"", " 42", "42 ", "+42", "4x", "99999999999"})
    EXPECT_EQ(parse_number<int>(text), std::nullopt) << text;
}

TEST(NearestWord, IsWhatAPersonMeant) {
  const std::vector<std::string> words = {"roundrobin", "leastconn", "connection", "http_request",
                                          "priority",   "server",    "weight",     "uri"};
  EXPECT_EQ(nearest_word("roundrobbin", words), "roundrobin");
  EXPECT_EQ(nearest_word("round_robin", words), "roundrobin");
  EXPECT_EQ(nearest_word("leastcon", words), "leastconn");
  EXPECT_EQ(nearest_word("conection", words), "connection");
  EXPECT_EQ(nearest_word("http-request", words), "http_request");
  EXPECT_EQ(nearest_word("wieght", words), "weight");
  EXPECT_EQ(nearest_word("Server", words), "server");
  EXPECT_EQ(nearest_word("servers", words), "server");
  EXPECT_EQ(nearest_word("prio", words), "priority");  // an abbreviation
  EXPECT_EQ(nearest_word("url", words), "uri");
}

TEST(NearestWord, IsNoneWhenNothingIsClose) {
  const std::vector<std::string> words = {"roundrobin", "uri"};
  EXPECT_EQ(nearest_word("zebra", words), std::nullopt);
  EXPECT_EQ(nearest_word("", words), std::nullopt);
  EXPECT_EQ(nearest_word("x", words), std::nullopt);
  EXPECT_EQ(nearest_word(std::string(100000, 'r'), words), std::nullopt);
  EXPECT_EQ(nearest_word("x", {}), std::nullopt);
}

TEST(Base64, IsDecoded) {
  // RFC 4648 section 10
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zg=="), "f");
  EXPECT_EQ(decode_base64("Zm8="), "fo");
  EXPECT_EQ(decode_base64("Zm9v"), "foo");
  EXPECT_EQ(decode_base64("Zm9vYmFy"), "foobar");
  EXPECT_EQ(decode_base64("YWRtaW46YWRtaW4="), "admin:admin");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v=", "Zm 9", "Zm9-", "=Zm9", "Zh==", "Zm9="})
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace hapair
