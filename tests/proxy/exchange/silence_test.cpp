#include "proxy/exchange/silence.h"

#include <gtest/gtest.h>

namespace hapair::exchange {
namespace {

using namespace std::chrono_literals;
using proxy::Timeouts;

Silence after(Duration client, Duration server, Duration tunnel, bool client_ended = false,
              bool server_ended = false) {
  return tunnel_silence(Timeouts{.client = client}, Timeouts{.server = server, .tunnel = tunnel},
                        client_ended, server_ended);
}

TEST(TunnelSilence, LastsAsLongAsTheTunnelTimeoutElseTheLongerOfTheTwo) {
  EXPECT_EQ(after(1s, 2s, 800ms).longest, 800ms);
  EXPECT_EQ(after(1s, 2s, 0s).longest, 2s);
  EXPECT_EQ(after(3s, 2s, 0s).longest, 3s);
}

TEST(TunnelSilence, IsTheClientsUnlessTheServersTimeoutRanOut) {
  EXPECT_EQ(after(1s, 2s, 800ms).cause, 'c');
  EXPECT_EQ(after(2s, 2s, 0s).cause, 'c');
  EXPECT_EQ(after(1s, 2s, 0s).cause, 's');
}

TEST(TunnelSilence, IsNeverThatOfOneWhoHasEnded) {
  EXPECT_EQ(after(1s, 2s, 800ms, /*client_ended=*/true).cause, 's');
  EXPECT_EQ(after(2s, 1s, 0s, /*client_ended=*/true).cause, 's');
  EXPECT_EQ(after(1s, 2s, 0s, /*client_ended=*/false, /*server_ended=*/true).cause, 'c');
}

}  // namespace
}  // namespace hapair::exchange
