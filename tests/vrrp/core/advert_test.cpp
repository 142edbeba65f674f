#include "vrrp/core/advert.h"

#include <gtest/gtest.h>

#include <functional>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// As keepalived 2.2.7 sent it: virtual router 51, priority 103, 192.168.50.10.
const Bytes kCaptured = {0x21, 0x33, 0x67, 0x01, 0x00, 0x01, 0x85, 0x17, 0xc0, 0xa8,
                         0x32, 0x0a, 0,    0,    0,    0,    0,    0,    0,    0};

const IpAddress kTheirs = IpAddress::v4(0xC0A8320C);  // 192.168.50.12
const IpAddress kVirtual = IpAddress::v4(0xC0A8320A);

const Endpoints kWay{kTheirs, group(false)};

Terms terms() { return {.virtual_router_id = 51, .interval = 1s}; }

Advert advert() {
  return {.virtual_router_id = 51, .priority = 103, .interval = 1s, .addresses = {kVirtual}};
}

/// The message with its checksum made right again after `change`.
Bytes message_with(const std::function<void(Bytes&)>& change, Bytes bytes = kCaptured) {
  change(bytes);
  store_be16(&bytes[6], 0);
  store_be16(&bytes[6], checksum(bytes));
  return bytes;
}

tl::expected<Advert, Refusal> decoded(const Bytes& message, const Terms& expected = terms()) {
  return decode_message(message, kWay, expected);
}

Refusal refusal_of(const Bytes& message, const Terms& expected = terms()) {
  const auto advert = decoded(message, expected);
  if (advert) throw std::logic_error("was believed");
  return advert.error();
}

TEST(Advert, EncodesWhatKeepalivedSends) {
  EXPECT_EQ(encode_message(advert(), kWay), kCaptured);
}

TEST(Advert, DecodesWhatKeepalivedSends) {
  EXPECT_EQ(decoded(kCaptured), advert());
}

TEST(Advert, SurvivesTheRoundTripWithPasswordAndManyAddresses) {
  Advert many = advert();
  many.auth_type = AuthType::Pass;
  many.auth = auth_bytes("secret");
  for (std::uint32_t i = 0; many.addresses.size() < 255; ++i)
    many.addresses.push_back(IpAddress::v4(0x0A000000 + i));
  Terms with_password = terms();
  with_password.auth_type = AuthType::Pass;
  with_password.auth = auth_bytes("secret");
  EXPECT_EQ(decoded(encode_message(many, kWay), with_password), many);
}

TEST(Advert, PadsAPasswordWithZerosAndCutsItAtEightBytes) {
  EXPECT_EQ(auth_bytes("abc"), (AuthBytes{'a', 'b', 'c', 0, 0, 0, 0, 0}));
  EXPECT_EQ(auth_bytes("123456789"), auth_bytes("12345678"));
}

TEST(Advert, RefusesEveryLengthButTheRightOne) {
  for (std::size_t size = 0; size < kCaptured.size(); ++size) {
    const Bytes cut(kCaptured.begin(), kCaptured.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(refusal_of(cut), size < 16 ? Refusal::Length : Refusal::Count) << size;
  }
  Bytes longer = kCaptured;
  longer.resize(kCaptured.size() + 40);
  EXPECT_EQ(refusal_of(longer), Refusal::Count);
}

TEST(Advert, RefusesAnyFlippedBit) {
  for (std::size_t bit = 0; bit < kCaptured.size() * 8; ++bit) {
    Bytes flipped = kCaptured;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(decoded(flipped)) << "bit " << bit;
  }
}

TEST(Advert, NamesTheReasonOfEveryRefusal) {
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[0] = 0x31; })), Refusal::Version);
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[0] = 0x22; })), Refusal::Type);
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[1] = 52; })), Refusal::Vrid);
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[3] = 3; })), Refusal::Count);
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[4] = 1; })), Refusal::AuthKind);
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[5] = 3; })), Refusal::Interval);
  Bytes damaged = kCaptured;
  damaged[2] = 200;
  EXPECT_EQ(refusal_of(damaged), Refusal::Checksum);
}

TEST(Advert, RefusesAVersion3MessageForItsVersionThoughItIsShorter) {
  const Bytes version3 = {0x31, 51, 100, 1, 0, 100, 0, 0, 192, 168, 50, 10};
  EXPECT_EQ(refusal_of(version3), Refusal::Version);
}

// ---- version 3

// Virtual router 51, priority 103, 0.1 s, 192.168.50.10, sent by 192.168.50.12. The checksums were
// added up by hand, with the pseudo header and without.
const Bytes kVersion3Pseudo = {0x31, 51, 103, 1, 0, 10, 0xa1, 0xca, 192, 168, 50, 10};
const Bytes kVersion3Plain = {0x31, 51, 103, 1, 0, 10, 0x75, 0x0e, 192, 168, 50, 10};

Terms terms3() {
  return {.version = Version::V3, .virtual_router_id = 51, .interval = 1s};
}

Advert advert3(ChecksumForm form) {
  return {.version = Version::V3,
          .virtual_router_id = 51,
          .priority = 103,
          .interval = 100ms,
          .checksum = form,
          .addresses = {kVirtual}};
}

TEST(Advert3, HasEitherChecksum) {
  EXPECT_EQ(encode_message(advert3(ChecksumForm::Pseudo), kWay), kVersion3Pseudo);
  EXPECT_EQ(encode_message(advert3(ChecksumForm::Plain), kWay), kVersion3Plain);
}

TEST(Advert3, IsBelievedWithEitherChecksumAndAnyIntervalAndSaysWhich) {
  EXPECT_EQ(decoded(kVersion3Pseudo, terms3()), advert3(ChecksumForm::Pseudo));
  EXPECT_EQ(decoded(kVersion3Plain, terms3()), advert3(ChecksumForm::Plain));
}

TEST(Advert3, DoesNotHaveAnothersPseudoHeader) {
  const Endpoints another{IpAddress::v4(0xC0A8320D), group(false)};
  EXPECT_EQ(decode_message(kVersion3Pseudo, another, terms3()).error(), Refusal::Checksum);
}

TEST(Advert3, RefusesTheIntervalZeroAndIgnoresTheReservedBits) {
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[5] = 0; }, kVersion3Plain), terms3()),
            Refusal::Interval);
  const auto reserved = message_with([](Bytes& b) { b[4] = 0xF0; }, kVersion3Plain);
  EXPECT_EQ(decoded(reserved, terms3())->interval, 100ms);
}

TEST(Advert3, RefusesEveryLengthButTheRightOneAndEveryFlippedBit) {
  for (std::size_t size = 0; size < kVersion3Plain.size(); ++size) {
    const Bytes cut(kVersion3Plain.begin(),
                    kVersion3Plain.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(refusal_of(cut, terms3()), size < 8 ? Refusal::Length : Refusal::Count) << size;
  }
  for (std::size_t bit = 0; bit < kVersion3Plain.size() * 8; ++bit) {
    Bytes flipped = kVersion3Plain;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(decoded(flipped, terms3())) << "bit " << bit;
  }
}

TEST(Advert3, IsNotMistakenForVersion2NorTheReverse) {
  EXPECT_EQ(refusal_of(kVersion3Plain), Refusal::Version);
  EXPECT_EQ(refusal_of(kCaptured, terms3()), Refusal::Version);
}

// ---- version 3 over IPv6

const IpAddress kLinkLocal = *IpAddress::parse("fe80::ff:fe00:2");
const IpAddress kVirtual6 = *IpAddress::parse("2001:db8::10");
const Endpoints kWay6{kLinkLocal, group(true)};

Advert advert6() {
  Advert out = advert3(ChecksumForm::Pseudo);
  out.addresses = {*IpAddress::parse("fe80::10"), kVirtual6};
  return out;
}

TEST(Advert6, SurvivesTheRoundTripAndAlwaysHasThePseudoHeader) {
  const Bytes message = encode_message(advert6(), kWay6);
  EXPECT_EQ(message.size(), 8U + 2 * 16);
  EXPECT_EQ(decode_message(message, kWay6, terms3()), advert6());
  Advert plain = advert6();
  plain.checksum = ChecksumForm::Plain;
  EXPECT_EQ(encode_message(plain, kWay6), message);
  const Endpoints another{*IpAddress::parse("fe80::3"), group(true)};
  EXPECT_EQ(decode_message(message, another, terms3()).error(), Refusal::Checksum);
}

TEST(Advert6, IsBelievedOnlyWithTheLengthOfItsFamily) {
  const Bytes message = encode_message(advert6(), kWay6);
  EXPECT_EQ(decode_message(message, kWay, terms3()).error(), Refusal::Count);
  EXPECT_EQ(decode_message(kVersion3Pseudo, kWay6, terms3()).error(), Refusal::Count);
}

TEST(Advert6, HasATrailerUnderItsChecksumAsTheKernelWouldHaveIt) {
  const Bytes trailer(28, 7);
  const Bytes message = encode_message(advert6(), kWay6, trailer);
  EXPECT_EQ(checksum_behind_pseudo_header(kWay6, message), 0);
  EXPECT_EQ(decode_message(message, kWay6, terms3(), 28), advert6());
  EXPECT_EQ(decode_message(message, kWay6, terms3()).error(), Refusal::Count);
}

TEST(Advert, HasATrailerBesideItsChecksumOverIpv4) {
  const Bytes message = encode_message(advert(), kWay, Bytes(28, 7));
  EXPECT_EQ(Bytes(message.begin(), message.begin() + 20), kCaptured);
  EXPECT_EQ(decode_message(message, kWay, terms(), 28), advert());
}

TEST(Advert, RefusesAWrongPasswordAndItsPrefix) {
  Terms with_password = terms();
  with_password.auth_type = AuthType::Pass;
  with_password.auth = auth_bytes("secret");
  for (const char* wrong : {"Secret", "secre", "secrets", ""}) {
    Advert other = advert();
    other.auth_type = AuthType::Pass;
    other.auth = auth_bytes(wrong);
    EXPECT_EQ(refusal_of(encode_message(other, kWay), with_password), Refusal::Password) << wrong;
  }
  EXPECT_EQ(refusal_of(kCaptured, with_password), Refusal::AuthKind);
}

}  // namespace
}  // namespace hapair::vrrp
