#include "proxy/exchange/basic_auth.h"

#include <gtest/gtest.h>

#include <vector>

namespace hapair::exchange {
namespace {

const std::vector<proxy::Stats::User> kUsers = {{"admin", "admin"}, {"ops", "se:cret"}};

TEST(BasicAuth, AdmitsEitherUser) {
  EXPECT_TRUE(is_authorized("Basic YWRtaW46YWRtaW4=", kUsers));
  EXPECT_TRUE(is_authorized("Basic b3BzOnNlOmNyZXQ=", kUsers));  // ops:se:cret
}

TEST(BasicAuth, DoesNotCareHowTheSchemeIsSpelt) {
  EXPECT_TRUE(is_authorized("basic  YWRtaW46YWRtaW4=", kUsers));
}

TEST(BasicAuth, RefusesAnythingElse) {
  for (const char* value : {"", "Basic", "Basic ", "Basic !!!", "YWRtaW46YWRtaW4=",
                            "Bearer YWRtaW46YWRtaW4=", "Basic YWRtaW46", "Basic YWRtaW46YWRtaW4K",
                            "Basic YWRtaW4=", "Basic YWRtaW46c2U6Y3JldA==" /* admin:se:cret */})
    EXPECT_FALSE(is_authorized(value, kUsers)) << value;
}

TEST(BasicAuth, AsksNobodyWhereNoUsersAreSet) {
  EXPECT_TRUE(is_authorized("", {}));
}

}  // namespace
}  // namespace hapair::exchange
