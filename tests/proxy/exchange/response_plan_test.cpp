#include "proxy/exchange/response_plan.h"

#include <gtest/gtest.h>

namespace hapair::exchange {
namespace {

using proxy::ConnectionMode;

http::RequestHead upgrading() {
  http::RequestHead request;
  request.persistence = {.keep_alive = true, .upgrade = true};
  return request;
}

http::ResponseHead switching() {
  http::ResponseHead response;
  response.status = 101;
  response.persistence = {.keep_alive = true, .upgrade = true};
  return response;
}

ResponsePlan plan(const http::RequestHead& request, const http::ResponseHead& response,
                  bool request_complete = true) {
  return plan_response(request, response, ConnectionMode::KeepAlive, request_complete, false);
}

TEST(ResponsePlan, ASwitchOfProtocolsIsATunnel) {
  EXPECT_TRUE(plan(upgrading(), switching()).tunnel);
  EXPECT_FALSE(plan(upgrading(), switching()).unsolicited);
}

TEST(ResponsePlan, ASwitchThatNobodyAskedForIsAnError) {
  http::RequestHead request = upgrading();
  request.persistence.upgrade = false;
  EXPECT_FALSE(plan(request, switching()).tunnel);
  EXPECT_TRUE(plan(request, switching()).unsolicited);
}

TEST(ResponsePlan, ASwitchToNothingIsAnError) {
  http::ResponseHead response = switching();
  response.persistence.upgrade = false;
  EXPECT_FALSE(plan(upgrading(), response).tunnel);
  EXPECT_TRUE(plan(upgrading(), response).unsolicited);
}

TEST(ResponsePlan, ASwitchInTheMiddleOfTheRequestIsAnError) {
  EXPECT_FALSE(plan(upgrading(), switching(), /*request_complete=*/false).tunnel);
  EXPECT_TRUE(plan(upgrading(), switching(), /*request_complete=*/false).unsolicited);
}

TEST(ResponsePlan, KnowsWhenOnlyTheCloseTellsOfTheEnd) {
  http::RequestHead request;
  http::ResponseHead response;
  response.status = 200;
  response.framing = http::Framing::Chunked;
  EXPECT_FALSE(plan(request, response).ends_by_close);
  request.http_1_1 = false;
  EXPECT_TRUE(plan(request, response).ends_by_close) << "the chunks are taken off";
  response.framing = http::Framing::UntilClose;
  EXPECT_TRUE(plan(request, response).ends_by_close);
  response.framing = http::Framing::Length;
  EXPECT_FALSE(plan(request, response).ends_by_close);
  EXPECT_FALSE(plan(upgrading(), switching()).ends_by_close) << "its peers know where they are";
}

}  // namespace
}  // namespace hapair::exchange
