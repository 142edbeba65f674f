#include "proxy/http/h1_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hapair::http {
namespace {

std::string request(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
  return std::string(line) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

H1Error request_error(const std::string& bytes) {
  RequestHead head;
  const HeadResult result = parse_request_head(bytes, head);
  EXPECT_NE(result.status, HeadStatus::Incomplete) << bytes;
  return result.error;
}

RequestHead parsed(const std::string& bytes) {
  RequestHead head;
  EXPECT_EQ(parse_request_head(bytes, head).status, HeadStatus::Complete) << bytes;
  return head;
}

TEST(RequestHead, IsTheSameHoweverTheBytesAreCut) {
  const std::string head_bytes = request("X-Long: " + std::string(40, 'v') + "\r\nY:\r\n");
  const std::string bytes = head_bytes + "body";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    HeadScanner scanner;
    RequestHead head;
    HeadResult result;
    for (std::size_t have = step; result.status == HeadStatus::Incomplete; have += step) {
      const std::string_view so_far = std::string_view(bytes).substr(0, std::min(have, bytes.size()));
      if (scanner.may_be_complete(so_far)) result = parse_request_head(so_far, head);
      if (have >= bytes.size()) break;
    }
    ASSERT_EQ(result.status, HeadStatus::Complete) << step;
    EXPECT_EQ(result.size, head_bytes.size()) << step;
    EXPECT_EQ(head.fields.size(), 3u);
    EXPECT_EQ(head.fields.begin()[1].value, std::string(40, 'v'));
  }
}

TEST(RequestHead, IsIncompleteAtEveryPlaceBeforeItsEnd) {
  const std::string bytes = "\r\n" + request("Accept: */*\r\n");
  RequestHead head;
  for (std::size_t have = 0; have < bytes.size(); ++have)
    EXPECT_EQ(parse_request_head(bytes.substr(0, have), head).status, HeadStatus::Incomplete) << have;
}

TEST(RequestHead, IsRefusedBeforeItIsCompleteWhenItCannotBecomeRight) {
  RequestHead head;
  EXPECT_EQ(parse_request_head("GET / HTTP/1.1\nHost", head).error, H1Error::BareLineFeed);
  HeadScanner scanner;
  EXPECT_TRUE(scanner.may_be_complete("GET / HTTP/1.1\nHost"));
}

TEST(RequestHead, ValuesOfAnyLengthAreCheckedToTheLastByte) {
  for (std::size_t length = 0; length < 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (const char bad : {'\0', '\x01', '\x1f', '\x7f'}) {
        std::string value(length, 'v');
        value[at] = bad;
        EXPECT_EQ(request_error(request("X:" + value + "\r\n")), H1Error::BadFieldValue);
      }
    }
    const std::string fine = "\t" + std::string(length, '\xff') + "~";
    EXPECT_EQ(request_error(request("X:" + fine + "\r\n")), H1Error::None);
  }
}

TEST(RequestHead, IsReadIntoViews) {
  const std::string bytes = request("Accept: */*\r\nX-Empty:\r\nContent-Length: 5\r\n",
                                    "POST /a/b?c=d HTTP/1.1");
  const RequestHead head = parsed(bytes);
  EXPECT_EQ(head.method, Method::Post);
  EXPECT_EQ(head.path_query, "/a/b?c=d");
  EXPECT_EQ(head.host, "a");
  EXPECT_EQ(head.framing, Framing::Length);
  EXPECT_EQ(head.content_length, 5u);
  EXPECT_TRUE(head.persistence.keep_alive);
  ASSERT_EQ(head.fields.size(), 4u);
  EXPECT_EQ(head.fields.begin()[1].value, "*/*");
  EXPECT_EQ(head.fields.begin()[2].value, "");
}

TEST(RequestHead, TakesEveryFormOfAHost) {
  for (const std::string host : {"a.example", "a_b", "127.0.0.1:80", "[::1]", "[fe80::1]:8080", "a:", ""}) {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    EXPECT_EQ(parsed(bytes).host, host);
  }
}

TEST(RequestHead, SkipsOneEmptyLineInFront) {
  const std::string bytes = "\r\n" + request("");
  EXPECT_EQ(request_error(bytes), H1Error::None);
  EXPECT_EQ(request_error("\r\n" + bytes), H1Error::BadRequestLine);
}

TEST(RequestHead, KnowsWhenTheConnectionStays) {
  EXPECT_TRUE(parsed(request("")).persistence.keep_alive);
  EXPECT_FALSE(parsed(request("Connection: x, Close\r\n")).persistence.keep_alive);
  EXPECT_FALSE(parsed(request("", "GET / HTTP/1.0")).persistence.keep_alive);
  EXPECT_TRUE(parsed(request("Connection: Keep-Alive\r\n", "GET / HTTP/1.0")).persistence.keep_alive);
  EXPECT_TRUE(parsed(request("Connection: Upgrade\r\nUpgrade: websocket\r\n")).persistence.upgrade);
  EXPECT_FALSE(parsed(request("Upgrade: websocket\r\n")).persistence.upgrade);
}

TEST(RequestHead, TellsCredentialsThatAuthenticateTheConnection) {
  for (const char* fields :
       {"Authorization: NTLM TlRMTVNTUAAB\r\n", "authorization: negotiate YII\r\n",
        "Proxy-Authorization: nTlM x\r\n", "Authorization: Nego2 x\r\n"})
    EXPECT_TRUE(parsed(request(fields)).claims_connection) << fields;
  for (const char* fields : {"", "Authorization: Basic bnRsbQ==\r\n", "Authorization: \r\n",
                             "X-Authorization: NTLM x\r\n", "Authorization: Bearer ntlm\r\n"})
    EXPECT_FALSE(parsed(request(fields)).claims_connection) << fields;
  RequestHead used_again = parsed(request("Authorization: NTLM x\r\n"));
  EXPECT_EQ(parse_request_head(request(""), used_again).status, HeadStatus::Complete);
  EXPECT_FALSE(used_again.claims_connection);
}

TEST(RequestHead, TakesAnAbsoluteTargetApart) {
  const std::string bytes = request("", "GET http://A/x?y HTTP/1.1");
  EXPECT_EQ(parsed(bytes).path_query, "/x?y");
  EXPECT_EQ(parsed(request("", "GET http://a HTTP/1.1")).path_query, "/");
  EXPECT_EQ(parsed(request("", "OPTIONS http://a HTTP/1.1")).path_query, "*");
  EXPECT_EQ(parsed(request("", "OPTIONS http://a/ HTTP/1.1")).path_query, "/");
  const std::string without_host = "GET http://b:81/x HTTP/1.0\r\n\r\n";
  EXPECT_EQ(parsed(without_host).host, "b:81");
  EXPECT_EQ(request_error(request("", "GET http://b/ HTTP/1.1")), H1Error::HostMismatch);
  EXPECT_EQ(request_error(request("", "GET ftp://a/ HTTP/1.1")), H1Error::BadTarget);
  EXPECT_EQ(request_error(request("", "GET http://u@a/ HTTP/1.1")), H1Error::BadTarget);
}

TEST(RequestHead, KnowsAHostByItsNameWhateverPortSaysNothing) {
  const auto error = [](const std::string& target, const std::string& host) {
    return request_error("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  EXPECT_EQ(error("http://a:80/", "a"), H1Error::None);
  EXPECT_EQ(error("http://a/", "A:80"), H1Error::None);
  EXPECT_EQ(error("http://a:/", "a"), H1Error::None);
  EXPECT_EQ(error("HTTPS://a:443/", "a"), H1Error::None);
  EXPECT_EQ(error("http://[::1]:80/", "[::1]"), H1Error::None);
  EXPECT_EQ(error("http://a:81/", "a:81"), H1Error::None);
  EXPECT_EQ(error("http://a:81/", "a"), H1Error::HostMismatch);
  EXPECT_EQ(error("http://a:443/", "a"), H1Error::HostMismatch);
  EXPECT_EQ(error("https://a:80/", "a"), H1Error::HostMismatch);
  EXPECT_EQ(error("http://a/", ""), H1Error::HostMismatch);
  EXPECT_EQ(error("http://:80/", ":80"), H1Error::BadTarget);
  EXPECT_EQ(error("http://a\"b/", "a"), H1Error::BadTarget);
  EXPECT_EQ(error("http://a\\b/", "a"), H1Error::BadTarget);
}

struct Refusal {
  std::string bytes;
  H1Error error;
};

class RefusedRequest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedRequest, ForItsReason) { EXPECT_EQ(request_error(GetParam().bytes), GetParam().error); }

INSTANTIATE_TEST_SUITE_P(
    H1, RefusedRequest,
    testing::Values(
        Refusal{"GET /\r\n\r\n", H1Error::BadRequestLine},
        Refusal{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", H1Error::BadVersion},
        Refusal{request("", "GET / HTTP/2.0"), H1Error::BadVersion},
        Refusal{request("", "GET / HTTP/1.1 "), H1Error::BadVersion},
        Refusal{request("", "G(T / HTTP/1.1"), H1Error::BadMethod},
        Refusal{request("", "GET a HTTP/1.1"), H1Error::BadTarget},
        Refusal{request("", "GET * HTTP/1.1"), H1Error::BadTarget},
        Refusal{request("", "CONNECT a:80 HTTP/1.1"), H1Error::Connect},
        Refusal{request("", "CONNECT /x HTTP/1.1"), H1Error::Connect},
        Refusal{request("", "CONNECT http://a/x HTTP/1.1"), H1Error::Connect},
        Refusal{request("", "GET /a#b HTTP/1.1"), H1Error::BadTarget},
        Refusal{request("", std::string("GET /\x80 HTTP/1.1")), H1Error::BadTarget},
        Refusal{"GET / HTTP/1.1\r\n\r\n", H1Error::MissingHost},
        Refusal{request("Host: a\r\n"), H1Error::TwoHosts},
        Refusal{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: a]\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: []\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: [::1]:\xb2\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: [127.0.0.1]\r\n\r\n", H1Error::BadHost},
        Refusal{"GET / HTTP/1.1\r\nHost: [" + std::string(7000, ':') + "]\r\n\r\n", H1Error::BadHost},
        Refusal{request("", "GET http://[::1/ HTTP/1.1"), H1Error::BadTarget},
        Refusal{request("", "GET http://a:b/ HTTP/1.1"), H1Error::BadTarget},
        Refusal{request("X : 1\r\n"), H1Error::SpaceBeforeColon},
        Refusal{request("X\r\n"), H1Error::BadFieldName},
        Refusal{request(": 1\r\n"), H1Error::BadFieldName},
        Refusal{request("X(: 1\r\n"), H1Error::BadFieldName},
        Refusal{request("X: 1\r\n 2\r\n"), H1Error::FoldedField},
        Refusal{request("X: 1\n"), H1Error::BareLineFeed},
        Refusal{request("X: 1\r2\r\n"), H1Error::BareCarriageReturn},
        Refusal{request(std::string("X: 1\0\r\n", 7)), H1Error::BadFieldValue},
        Refusal{request("Content-Length: 1\r\nContent-Length: 1\r\n"), H1Error::TwoLengths},
        Refusal{request("Content-Length: 1, 1\r\n"), H1Error::BadLength},
        Refusal{request("Content-Length: +1\r\n"), H1Error::BadLength},
        Refusal{request("Content-Length: -1\r\n"), H1Error::BadLength},
        Refusal{request("Content-Length: 1x\r\n"), H1Error::BadLength},
        Refusal{request("Content-Length:\r\n"), H1Error::BadLength},
        Refusal{request("Content-Length: 99999999999999999999\r\n"), H1Error::BadLength},
        Refusal{request("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
                H1Error::LengthAndEncoding},
        Refusal{request("Transfer-Encoding: gzip, chunked\r\n"), H1Error::BadEncoding},
        Refusal{request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                H1Error::BadEncoding},
        Refusal{request("Transfer-Encoding: xchunked\r\n"), H1Error::BadEncoding},
        Refusal{request("Transfer-Encoding: chunked\r\n", "GET / HTTP/1.0"), H1Error::BadEncoding}));

TEST(RequestHead, RefusesMoreFieldsThanItCanHold) {
  std::string fields;
  for (int i = 0; i < 100; ++i) fields += "X: 1\r\n";
  EXPECT_EQ(request_error(request(fields)), H1Error::TooManyFields);
}

H1Error response_error(const std::string& bytes) {
  ResponseHead head;
  const HeadResult result = parse_response_head(bytes, head);
  EXPECT_NE(result.status, HeadStatus::Incomplete) << bytes;
  return result.error;
}

TEST(ResponseHead, TellsHowTheBodyEnds) {
  ResponseHead head;
  ASSERT_EQ(parse_response_head("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", head).error, H1Error::None);
  EXPECT_EQ(head.framing, Framing::Length);
  ASSERT_EQ(parse_response_head("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", head).error,
            H1Error::None);
  EXPECT_EQ(head.framing, Framing::Chunked);
  ASSERT_EQ(parse_response_head("HTTP/1.0 404 Not Found\r\n\r\n", head).error, H1Error::None);
  EXPECT_EQ(head.framing, Framing::UntilClose);
  EXPECT_EQ(head.status, 404);
  EXPECT_FALSE(head.persistence.keep_alive);
}

TEST(ResponseHead, TellsWhetherItAsksForCredentialsOfTheConnection) {
  ResponseHead head;
  const auto claims = [&](const std::string& fields) {
    parse_response_head("HTTP/1.1 401 Unauthorized\r\n" + fields + "\r\n", head);
    return head.claims_connection;
  };
  EXPECT_TRUE(claims("WWW-Authenticate: NTLM\r\n"));
  EXPECT_TRUE(claims("www-authenticate: Basic realm=x,  negotiate oYG\r\n"));
  EXPECT_TRUE(claims("WWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: ntlm\r\n"));
  EXPECT_TRUE(claims("Proxy-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=x\r\n"));
  EXPECT_FALSE(claims("WWW-Authenticate: Basic realm=ntlm\r\n"));
  EXPECT_FALSE(claims("WWW-Authenticate: Digest nonce=negotiate, qop=auth\r\n"));
  EXPECT_FALSE(claims(""));
}

TEST(ResponseHead, RefusesWhatIsNotOne) {
  EXPECT_EQ(response_error("HTTP/1.1 20 OK\r\n\r\n"), H1Error::BadStatusLine);
  EXPECT_EQ(response_error("HTTP/1.1 2000 OK\r\n\r\n"), H1Error::BadStatusLine);
  EXPECT_EQ(response_error("ICY 200 OK\r\nA: b\r\n\r\n"), H1Error::BadStatusLine);
  EXPECT_EQ(response_error("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            H1Error::TwoLengths);
}

struct Decoded {
  std::string payload;
  std::string rest;
  H1Error error = H1Error::None;
  bool done = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(BodyDecoder decoder, std::string_view bytes, std::size_t step) {
  Decoded result;
  while (!bytes.empty() && !decoder.done() && result.error == H1Error::None) {
    std::string piece(bytes.substr(0, step));
    const auto out = decoder.decode(piece.data(), piece.size());
    result.payload += piece.substr(0, out.payload);
    result.error = out.error;
    bytes.remove_prefix(out.consumed);
    if (out.error == H1Error::None && !decoder.done()) {
      EXPECT_EQ(out.consumed, piece.size());
    }
  }
  result.rest = bytes;
  result.done = decoder.done();
  return result;
}

TEST(BodyDecoder, GivesTheSameContentHoweverTheBytesAreCut) {
  const std::string_view bytes =
      "4\r\nWiki\r\n006;ext=\"1\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nT: x\r\n\r\nGET";
  const Decoded whole{"Wikipedia in \r\n\r\nchunks.", "GET", H1Error::None, true};
  for (std::size_t step = 1; step <= bytes.size(); ++step)
    EXPECT_EQ(decode(BodyDecoder(Framing::Chunked, 0), bytes, step), whole) << step;
}

TEST(BodyDecoder, StopsAtTheLength) {
  EXPECT_EQ(decode(BodyDecoder(Framing::Length, 3), "abcdef", 2),
            (Decoded{"abc", "def", H1Error::None, true}));
}

TEST(BodyDecoder, RefusesBrokenChunks) {
  const auto error = [](std::string_view bytes) {
    const Decoded whole = decode(BodyDecoder(Framing::Chunked, 0), bytes, bytes.size());
    EXPECT_EQ(decode(BodyDecoder(Framing::Chunked, 0), bytes, 1).error, whole.error) << bytes;
    return whole.error;
  };
  EXPECT_EQ(error("\r\n"), H1Error::BadChunkSize);
  EXPECT_EQ(error("g\r\n"), H1Error::BadChunkSize);
  EXPECT_EQ(error("1 \r\na\r\n"), H1Error::BadChunkSize);
  EXPECT_EQ(error("0x1\r\na\r\n"), H1Error::BadChunkSize);
  EXPECT_EQ(error("-1\r\n"), H1Error::BadChunkSize);
  EXPECT_EQ(error("1\na\r\n"), H1Error::BadChunkSize);
  EXPECT_EQ(error("11111111111111111\r\n"), H1Error::BadChunkSize);
  EXPECT_EQ(error("1\r\nab\r\n"), H1Error::BadChunkEnd);
  EXPECT_EQ(error("1\r\na\n"), H1Error::BadChunkEnd);
  EXPECT_EQ(error("0\r\n: x\r\n\r\n"), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nT: x\n\r\n"), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nT\r\n\r\n"), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nT : x\r\n\r\n"), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nT: x\r\n y\r\n\r\n"), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nGET /y HTTP/1.1\r\n\r\n"), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nT: x\r\nHTTP/1.1 200 OK\r\n\r\n"), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nT" + std::string(5000, 'x')), H1Error::BadTrailer);
  EXPECT_EQ(error("0\r\nT: " + std::string(5000, 'x')), H1Error::BadTrailer);
  std::string many = "0\r\n";
  for (int i = 0; i < 5000; ++i) many += "T:\r\n";
  EXPECT_EQ(error(many), H1Error::BadTrailer);
  EXPECT_EQ(error(std::string(5000, '0')), H1Error::BadChunkSize);
}

}  // namespace
}  // namespace hapair::http
