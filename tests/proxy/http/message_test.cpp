#include "proxy/http/message.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace hapair::http {
namespace {

TEST(FieldId, IsFoundInAnyCaseAndOnlyForTheWholeName) {
  for (const auto& [name, id] : {std::pair("te", FieldId::Te), std::pair("host", FieldId::Host),
                                 std::pair("expect", FieldId::Expect),
                                 std::pair("upgrade", FieldId::Upgrade),
                                 std::pair("trailer", FieldId::Trailer),
                                 std::pair("connection", FieldId::Connection),
                                 std::pair("keep-alive", FieldId::KeepAlive),
                                 std::pair("authorization", FieldId::Authorization),
                                 std::pair("content-length", FieldId::ContentLength),
                                 std::pair("proxy-connection", FieldId::ProxyConnection),
                                 std::pair("transfer-encoding", FieldId::TransferEncoding),
                                 std::pair("www-authenticate", FieldId::WwwAuthenticate),
                                 std::pair("proxy-authenticate", FieldId::ProxyAuthenticate),
                                 std::pair("proxy-authorization", FieldId::ProxyAuthorization)}) {
    std::string upper(name);
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(field_id(name), id);
    EXPECT_EQ(field_id(upper), id);
    for (std::size_t i = 0; i < upper.size(); ++i) {
      std::string other = upper;
      other[i] = other[i] == '-' ? '.' : 'Q';
      EXPECT_EQ(field_id(other), FieldId::Other) << other;
    }
    EXPECT_EQ(field_id(upper + "x"), FieldId::Other);
  }
}

}  // namespace
}  // namespace hapair::http
