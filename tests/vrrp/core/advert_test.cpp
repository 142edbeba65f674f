#include "vrrp/core/advert.h"

#include <gtest/gtest.h>

#include <functional>

namespace hapair::vrrp {
namespace {

using namespace std::chrono_literals;

// As keepalived 2.2.7 sent it: virtual router 51, priority 103, 192.168.50.10.
const Bytes kCaptured = {0x21, 0x33, 0x67, 0x01, 0x00, 0x01, 0x85, 0x17, 0xc0, 0xa8,
                         0x32, 0x0a, 0,    0,    0,    0,    0,    0,    0,    0};

const IpAddress kOurs = IpAddress::v4(0xC0A8320B);    // 192.168.50.11
const IpAddress kTheirs = IpAddress::v4(0xC0A8320C);  // 192.168.50.12
const IpAddress kVirtual = IpAddress::v4(0xC0A8320A);

Terms terms() {
  return {.virtual_router_id = 51, .interval = 1s, .own_address = kOurs};
}

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

tl::expected<Advert, Refusal> decode_message(const Bytes& message, const Terms& expected = terms(),
                                             std::uint8_t ttl = 255) {
  return decode({.source = kTheirs, .ttl = ttl, .payload = message}, expected);
}

Refusal refusal_of(const Bytes& message, const Terms& expected = terms()) {
  const auto decoded = decode_message(message, expected);
  if (decoded) throw std::logic_error("was believed");
  return decoded.error();
}

TEST(Advert, EncodesWhatKeepalivedSends) {
  EXPECT_EQ(encode(advert()), kCaptured);
}

TEST(Advert, DecodesWhatKeepalivedSends) {
  EXPECT_EQ(decode_message(kCaptured), advert());
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
  EXPECT_EQ(decode_message(encode(many), with_password), many);
}

TEST(Advert, PadsAPasswordWithZerosAndCutsItAtEightBytes) {
  EXPECT_EQ(auth_bytes("abc"), (AuthBytes{'a', 'b', 'c', 0, 0, 0, 0, 0}));
  EXPECT_EQ(auth_bytes("123456789"), auth_bytes("12345678"));
}

TEST(Advert, RefusesEveryTtlBut255) {
  for (int ttl = 0; ttl < 255; ++ttl)
    EXPECT_EQ(decode_message(kCaptured, terms(), static_cast<std::uint8_t>(ttl)).error(),
              Refusal::Ttl);
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
    EXPECT_FALSE(decode_message(flipped)) << "bit " << bit;
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
  return {.version = Version::V3, .virtual_router_id = 51, .interval = 1s, .own_address = kOurs};
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
  EXPECT_EQ(encode(advert3(ChecksumForm::Pseudo), kTheirs), kVersion3Pseudo);
  EXPECT_EQ(encode(advert3(ChecksumForm::Plain), kTheirs), kVersion3Plain);
}

TEST(Advert3, IsBelievedWithEitherChecksumAndAnyIntervalAndSaysWhich) {
  EXPECT_EQ(decode_message(kVersion3Pseudo, terms3()), advert3(ChecksumForm::Pseudo));
  EXPECT_EQ(decode_message(kVersion3Plain, terms3()), advert3(ChecksumForm::Plain));
}

TEST(Advert3, DoesNotHaveAnothersPseudoHeader) {
  const Datagram from_another{
      .source = IpAddress::v4(0xC0A8320D), .ttl = 255, .payload = kVersion3Pseudo};
  EXPECT_EQ(decode(from_another, terms3()).error(), Refusal::Checksum);
}

TEST(Advert3, RefusesTheIntervalZeroAndIgnoresTheReservedBits) {
  EXPECT_EQ(refusal_of(message_with([](Bytes& b) { b[5] = 0; }, kVersion3Plain), terms3()),
            Refusal::Interval);
  const auto reserved = message_with([](Bytes& b) { b[4] = 0xF0; }, kVersion3Plain);
  EXPECT_EQ(decode_message(reserved, terms3())->interval, 100ms);
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
    EXPECT_FALSE(decode_message(flipped, terms3())) << "bit " << bit;
  }
}

TEST(Advert3, IsNotMistakenForVersion2NorTheReverse) {
  EXPECT_EQ(refusal_of(kVersion3Plain), Refusal::Version);
  EXPECT_EQ(refusal_of(kCaptured, terms3()), Refusal::Version);
}

TEST(Advert, RefusesAWrongPasswordAndItsPrefix) {
  Terms with_password = terms();
  with_password.auth_type = AuthType::Pass;
  with_password.auth = auth_bytes("secret");
  for (const char* wrong : {"Secret", "secre", "secrets", ""}) {
    Advert other = advert();
    other.auth_type = AuthType::Pass;
    other.auth = auth_bytes(wrong);
    EXPECT_EQ(refusal_of(encode(other), with_password), Refusal::Password) << wrong;
  }
  EXPECT_EQ(refusal_of(kCaptured, with_password), Refusal::AuthKind);
}

TEST(Advert, RefusesOurOwnAddress) {
  const Datagram echo{.source = kOurs, .ttl = 255, .payload = kCaptured};
  EXPECT_EQ(decode(echo, terms()).error(), Refusal::OwnAddress);
}

TEST(Datagram, CarriesTheMessageInTheHeaderKeepalivedUses) {
  const Bytes packet = encode_datagram(advert(), kTheirs, 7);
  const Bytes header = {0x45, 0xC0, 0,   40,  0,  7,  0,   0, 255, 112,
                        0x18, 0x3B, 192, 168, 50, 12, 224, 0, 0,   18};
  EXPECT_EQ(packet.size(), 40U);
  EXPECT_EQ(checksum(ByteView(packet).first(20)), 0) << "the header's own checksum is right";
  Bytes without_checksum(packet.begin(), packet.begin() + 20);
  Bytes expected = header;
  store_be16(&without_checksum[10], 0);
  store_be16(&expected[10], 0);
  EXPECT_EQ(without_checksum, expected);
  const auto datagram = read_datagram(packet);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->source, kTheirs);
  EXPECT_EQ(decode(*datagram, terms()), advert());
}

TEST(Datagram, IgnoresPaddingAfterThePacketAndAcceptsIpOptions) {
  Bytes padded = encode_datagram(advert(), kTheirs, 1);
  padded.resize(60);
  ASSERT_TRUE(read_datagram(padded));
  EXPECT_EQ(read_datagram(padded)->payload.size(), kCaptured.size());

  Bytes options = encode_datagram(advert(), kTheirs, 1);
  options.insert(options.begin() + 20, {1, 1, 1, 1});
  options[0] = 0x46;
  store_be16(&options[2], 44);
  ASSERT_TRUE(read_datagram(options));
  EXPECT_TRUE(decode(*read_datagram(options), terms()));
}

TEST(Datagram, RefusesHeadersThatLieAboutTheirLength) {
  const Bytes whole = encode_datagram(advert(), kTheirs, 1);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read_datagram(ByteView(whole).first(size))) << size;
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = whole;
    changed[at] = value;
    return read_datagram(changed).has_value();
  };
  EXPECT_FALSE(with(0, 0x65)) << "version 6";
  EXPECT_FALSE(with(0, 0x44)) << "header shorter than a header";
  EXPECT_FALSE(with(0, 0x4F)) << "header longer than the packet";
  EXPECT_FALSE(with(3, 19)) << "packet shorter than its header";
  EXPECT_FALSE(with(9, 51)) << "another protocol";
}

}  // namespace
}  // namespace hapair::vrrp
