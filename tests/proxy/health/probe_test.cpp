#include "proxy/health/probe.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace hapair::health {
namespace {

TEST(Probe, NamesTheStageThatFailed) {
  EXPECT_EQ(short_code(connect_failed(ECONNREFUSED).status), "L4CON");
  EXPECT_EQ(connect_failed(ECONNREFUSED).info, "Connection refused");
  EXPECT_EQ(short_code(connect_failed(ETIMEDOUT).status), "L4TOUT");
  EXPECT_EQ(connect_failed(ETIMEDOUT).info, "");
  EXPECT_EQ(short_code(not_started(EMFILE).status), "SOCKERR");
  EXPECT_TRUE(connect_passed().passed());
}

}  // namespace
}  // namespace hapair::health
