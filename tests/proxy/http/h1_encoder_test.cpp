#include "proxy/http/h1_encoder.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/http/h1_decoder.h"

namespace hapair::http {
namespace {

std::string encode(const std::string& bytes, const RequestEdits& edits) {
  RequestHead head;
  EXPECT_EQ(parse_request_head(bytes, head).status, HeadStatus::Complete);
  std::string out(bytes.size() + kEncoderRoom + edits.add_name.size() + edits.add_value.size(), 0);
  out.resize(encode_request_head(head, edits, out.data()));
  return out;
}

TEST(EncodeRequest, LeavesAnOrdinaryHeadAsItCame) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX:  y \r\n\r\n";
  EXPECT_EQ(encode(bytes, {}), bytes);
}

TEST(EncodeRequest, DropsWhatEndsHereAndAddsWhatIsOurs) {
  EXPECT_EQ(encode("GET / HTTP/1.1\r\nConnection: keep-alive\r\nHost: a\r\nX: y\r\nTE: trailers\r\n"
                   "Keep-Alive: 5\r\nZ: 1\r\n\r\n",
                   {ConnectionField::Close, "X-Forwarded-For", "10.0.0.1"}),
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nZ: 1\r\nX-Forwarded-For: 10.0.0.1\r\n"
            "connection: close\r\n\r\n");
}

TEST(EncodeRequest, DropsFieldsThatConnectionNamesButNeverTheHost) {
  EXPECT_EQ(encode("GET / HTTP/1.1\r\nConnection: x-a, Host, close\r\nHost: a\r\nX-A: 1\r\nB: 2\r\n\r\n",
                   {}),
            "GET / HTTP/1.1\r\nHost: a\r\nB: 2\r\n\r\n");
}

TEST(EncodeRequest, KeepsTheUpgradeItIsTo) {
  EXPECT_EQ(encode("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                   {ConnectionField::Upgrade, {}, {}}),
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nconnection: upgrade\r\n\r\n");
}

TEST(EncodeRequest, GivesServersThePathOfAnAbsoluteTarget) {
  EXPECT_EQ(encode("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", {}),
            "GET /b?c HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(encode("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", {}), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(EncodeRequest, TellsServersTheHostOfAnAbsoluteTarget) {
  EXPECT_EQ(encode("GET http://a:81/b HTTP/1.0\r\nX: y\r\n\r\n", {}), "GET /b HTTP/1.0\r\nhost: a:81\r\nX: y\r\n\r\n");
  EXPECT_EQ(encode("GET http://a:80/b HTTP/1.0\r\nHost: a\r\n\r\n", {}), "GET /b HTTP/1.0\r\nHost: a\r\n\r\n");
}

TEST(EncodeRequest, AnnouncesAChunkedBodyAnew) {
  EXPECT_EQ(encode("PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nHost: a\r\n\r\n", {}),
            "PUT / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST(EncodeRequest, KeepsAnEmptyValueAtTheEnd) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX:  \r\n\r\n";
  EXPECT_EQ(encode(bytes, {}), bytes);
}

TEST(EncodeRequest, OfAHeadWithoutFieldsThatStay) {
  EXPECT_EQ(encode("GET / HTTP/1.0\r\nConnection: close\r\n\r\n", {}), "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(encode("GET / HTTP/1.0\r\n\r\n", {}), "GET / HTTP/1.0\r\n\r\n");
}

std::string encode(const std::string& bytes, const ResponseEdits& edits) {
  ResponseHead head;
  EXPECT_EQ(parse_response_head(bytes, head).status, HeadStatus::Complete);
  std::string out(bytes.size() + kEncoderRoom, 0);
  out.resize(encode_response_head(head, edits, out.data()));
  return out;
}

TEST(EncodeResponse, ReplacesTheFraming) {
  EXPECT_EQ(encode("HTTP/1.1 200 OK\r\nServer: s\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
                   ResponseEdits{ConnectionField::None, true}),
            "HTTP/1.1 200 OK\r\nServer: s\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST(EncodeResponse, HasNoLengthWhereNoneMayBe) {
  const std::string rest = " X\r\nA: b\r\nContent-Length: 5\r\nC: d\r\n\r\n";
  for (const std::string status : {"100", "103", "204"})
    EXPECT_EQ(encode("HTTP/1.1 " + status + rest, ResponseEdits{}),
              "HTTP/1.1 " + status + " X\r\nA: b\r\nC: d\r\n\r\n");
  for (const std::string status : {"200", "205", "304"})
    EXPECT_EQ(encode("HTTP/1.1 " + status + rest, ResponseEdits{}), "HTTP/1.1 " + status + rest);
  EXPECT_EQ(encode("HTTP/1.1 101 X\r\nContent-Length: 5\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
                   ResponseEdits{ConnectionField::Upgrade}),
            "HTTP/1.1 101 X\r\nUpgrade: x\r\nconnection: upgrade\r\n\r\n");
}

TEST(ChunkHeader, IsTheSizeInHex) {
  char out[kChunkHeaderRoom];
  EXPECT_EQ(std::string(out, encode_chunk_header(8000, out)), "1f40\r\n");
}

}  // namespace
}  // namespace hapair::http
