#include "dltonic/events/atis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dltonic/core/random.h"
#include "unit/events/decoding.h"
#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

using ::testing::HasSubstr;

/// Random bytes, with an overflow marker in each row with the given probability.
std::vector<std::byte> random_rows(std::size_t rows, double marker_share, std::uint32_t seed) {
  Random random(seed, Use::test);
  std::vector<std::byte> bytes(rows * 5);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  for (std::size_t row = 0; row < rows; ++row) {
    if (random.uniform_double() < marker_share) bytes[row * 5 + 1] = std::byte{240};
  }
  return bytes;
}

TEST(Atis, ReadsARowByItsBits) {
  const std::vector<std::byte> bytes{std::byte{12},  std::byte{34},  std::byte{0x81}, std::byte{0x02}, std::byte{0x03},
                                     std::byte{0},   std::byte{240}, std::byte{0},    std::byte{0},    std::byte{0},
                                     std::byte{255}, std::byte{1},   std::byte{0x7F}, std::byte{0xFF}, std::byte{0xFF}};
  Events events;
  const DecodeReport report = decode_atis(bytes, events);
  EXPECT_EQ(report, (DecodeReport{.events = 2, .overflow_rows = 1}));
  EXPECT_EQ(events.x, (std::vector<std::uint16_t>{12, 255}));
  EXPECT_EQ(events.y, (std::vector<std::uint16_t>{34, 1}));
  EXPECT_EQ(events.p, (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(events.t, (std::vector<std::uint32_t>{0x010203, 0x7FFFFF + 8192}));
}

TEST(Atis, VectorPathEqualsScalarPathOnAnyBytes) {
  Events fast, scalar;
  for (const double markers : {0.0, 0.002, 0.05, 0.5, 1.0}) {
    for (std::size_t rows = 0; rows < 70; ++rows) {
      for (std::uint32_t seed = 0; seed < 5; ++seed) {
        const auto bytes = random_rows(rows, markers, seed * 1000 + static_cast<std::uint32_t>(rows));
        EXPECT_EQ(decode_atis(bytes, fast), decode_atis(bytes, scalar, false));
        EXPECT_TRUE(fast == scalar) << rows << " rows, markers " << markers << ", seed " << seed;
      }
    }
  }
}

TEST(Atis, MarkersAtEveryPlaceOfABlock) {
  Events fast, scalar;
  for (std::size_t at = 0; at < 24; ++at) {
    auto bytes = random_rows(24, 0, 7);
    bytes[at * 5 + 1] = std::byte{240};
    const DecodeReport report = decode_atis(bytes, fast);
    EXPECT_EQ(report, decode_atis(bytes, scalar, false));
    EXPECT_GE(report.overflow_rows, 1u);
    EXPECT_TRUE(fast == scalar) << "marker at row " << at;
  }
}

TEST(Atis, BuffersAreUsedAgainWithoutTraces) {
  Events events, fresh;
  decode_atis(random_rows(500, 0.1, 1), events);
  const auto bytes = random_rows(40, 0.1, 2);
  decode_atis(bytes, events);
  decode_atis(bytes, fresh);
  EXPECT_TRUE(events == fresh);
}

TEST(Atis, EncodingAndDecodingGiveTheSameEvents) {
  for (const std::uint32_t gap : {10u, 5000u, 400'000u}) {  // 400 ms gaps pass 2^23 us: overflow rows are needed
    const Events events = random_events(300, 34, 34, gap, gap);
    Events decoded;
    const DecodeReport report = decode_atis(encode_atis(events), decoded);
    EXPECT_TRUE(decoded == events);
    EXPECT_EQ(report.back_steps, 0u);
    EXPECT_EQ(report.overflow_rows > 0, events.t.back() > 0x7FFFFF);
  }
}

TEST(Atis, EncodingRefusesWhatTheFormatCannotHold) {
  const auto encode_one = [](std::uint16_t x, std::uint16_t y) {
    return fault_of([&] { encode_atis(Events{{x}, {y}, {0}, {1}}); });
  };
  EXPECT_THAT(encode_one(256, 0), HasSubstr("event 0 at x 256, y 0"));
  EXPECT_THAT(encode_one(0, 240), HasSubstr("y 240 marks an overflow"));
  EXPECT_THAT(fault_of([] { encode_atis(Events{{1, 1}, {1, 1}, {9'000'000, 5}, {1, 1}}); }), HasSubstr("event 1 at 5 us"));
}

TEST(Atis, ACutFileIsNamedByItsByte) {
  Events events;
  const auto bytes = random_rows(9, 0, 3);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const std::span<const std::byte> part(bytes.data(), length);
    if (length % 5 == 0) {
      EXPECT_EQ(decode_atis(part, events).events, length / 5);
    } else {
      EXPECT_THAT(fault_of([&] { decode_atis(part, events); }), HasSubstr("ends at byte " + std::to_string(length / 5 * 5)));
    }
  }
}

TEST(Atis, TimesPast32BitsAreRefused) {
  std::vector<std::byte> bytes(523'300 * 5);
  for (std::size_t row = 0; row < bytes.size() / 5; ++row) bytes[row * 5 + 1] = std::byte{240};
  Events events;
  EXPECT_THAT(fault_of([&] { decode_atis(bytes, events); }), HasSubstr("times pass 2^32 us"));
}

}  // namespace
}  // namespace dltonic::events
