#include "proxy/http/caching.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/http/h1_decoder.h"

namespace hapair::http {
namespace {

bool cacheable(const std::string& fields, int status = 200, Method method = Method::Get) {
  const std::string bytes = "HTTP/1.1 " + std::to_string(status) + " x\r\n" + fields + "\r\n";
  ResponseHead head;
  EXPECT_EQ(parse_response_head(bytes, head).status, HeadStatus::Complete);
  return is_cacheable(method, head);
}

// What HAProxy 2.6.12 was seen to answer with `nocache`, but for "public", which it passes over.
TEST(Caching, NeedsAnInvitation) {
  EXPECT_FALSE(cacheable(""));
  EXPECT_TRUE(cacheable("ETag: x\r\n"));
  EXPECT_TRUE(cacheable("Last-Modified: x\r\n"));
  EXPECT_TRUE(cacheable("Expires: x\r\n"));
  EXPECT_TRUE(cacheable("Cache-Control: max-age=5\r\n"));
  EXPECT_TRUE(cacheable("cache-control: must-revalidate , Public\r\n"));
}

TEST(Caching, OneWordForbids) {
  for (const std::string word : {"no-store", "private", "No-Cache", "private=\"x\""})
    EXPECT_FALSE(cacheable("ETag: x\r\nCache-Control: max-age=5, " + word + "\r\n")) << word;
  EXPECT_FALSE(cacheable("ETag: x\r\nPragma: no-cache\r\n"));
}

TEST(Caching, IsForSomeMethodsAndStatuses) {
  EXPECT_TRUE(cacheable("ETag: x\r\n", 200, Method::Head));
  EXPECT_FALSE(cacheable("ETag: x\r\n", 200, Method::Post));
  for (const int status : {203, 301, 404, 410}) EXPECT_TRUE(cacheable("ETag: x\r\n", status)) << status;
  for (const int status : {206, 302, 500, 503}) EXPECT_FALSE(cacheable("ETag: x\r\n", status)) << status;
}

}  // namespace
}  // namespace hapair::http
