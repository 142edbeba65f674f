#include "proxy/exchange/answers.h"

#include <gtest/gtest.h>

#include <map>

namespace hapair::exchange {
namespace {

TEST(Answers, SendsTheServiceUnavailablePageByteForByte) {
  EXPECT_EQ(answer(503),
            "HTTP/1.1 503 Service Unavailable\r\n"
            "content-length: 107\r\n"
            "cache-control: no-cache\r\n"
            "content-type: text/html\r\n"
            "\r\n"
            "<html><body><h1>503 Service Unavailable</h1>\n"
            "No server is available to handle this request.\n"
            "</body></html>\n");
}

TEST(Answers, TellsTheClientWhenTheConnectionEnds) {
  EXPECT_EQ(answer(504, {.close = true}),
            "HTTP/1.1 504 Gateway Time-out\r\n"
            "content-length: 92\r\n"
            "cache-control: no-cache\r\n"
            "content-type: text/html\r\n"
            "connection: close\r\n"
            "\r\n"
            "<html><body><h1>504 Gateway Time-out</h1>\n"
            "The server didn't respond in time.\n"
            "</body></html>\n");
}

TEST(Answers, HasNoBodyForHead) {
  EXPECT_EQ(answer(502, {.head = true}),
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\n"
            "content-type: text/html\r\n\r\n");
}

TEST(Answers, SpellsTheHeadsOfBrokenRequestsAsHaproxyDoes) {
  EXPECT_EQ(answer(400),
            "HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\n"
            "Connection: close\r\nContent-Type: text/html\r\n\r\n"
            "<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n"
            "</body></html>\n");
  EXPECT_EQ(answer(400, {.close = true}), answer(400));
}

TEST(Answers, HasTheLengthsOfTheReference) {
  const std::map<int, std::string> lengths = {{200, "58"},  {400, "90"},  {403, "93"},
                                              {408, "110"}, {429, "117"}, {500, "97"},
                                              {502, "107"}, {503, "107"}, {504, "92"}};
  for (const auto& [status, length] : lengths) {
    const std::string_view text = answer(status);
    const auto body = text.find("\r\n\r\n") + 4;
    EXPECT_EQ(std::to_string(text.size() - body), length) << status;
    EXPECT_NE(text.find("ontent-length: " + length + "\r\n"), text.npos) << status;
  }
}

TEST(Answers, AnswersAnUnknownStatusWithAnInternalError) {
  EXPECT_EQ(answer(599), answer(500));
}

TEST(Answers, AsksForCredentials) {
  EXPECT_EQ(unauthorized("Strictly Private"),
            "HTTP/1.1 401 Unauthorized\r\n"
            "content-length: 112\r\n"
            "cache-control: no-cache\r\n"
            "content-type: text/html\r\n"
            "www-authenticate: Basic realm=\"Strictly Private\"\r\n"
            "\r\n"
            "<html><body><h1>401 Unauthorized</h1>\n"
            "You need a valid user and password to access this content.\n"
            "</body></html>\n");
  EXPECT_NE(unauthorized("a\"b\r\n").find("realm=\"a\\\"b\"\r\n"), std::string::npos);
  EXPECT_TRUE(unauthorized("x", {.head = true, .close = true})
                  .ends_with("realm=\"x\"\r\nconnection: close\r\n\r\n"));
}

TEST(Answers, HeadsThePage) {
  EXPECT_EQ(page_head("text/plain", 12, {.close = true}),
            "HTTP/1.1 200 OK\r\ncontent-length: 12\r\ncache-control: no-cache\r\ncontent-type: "
            "text/plain\r\n"
            "connection: close\r\n\r\n");
}

}  // namespace
}  // namespace hapair::exchange
