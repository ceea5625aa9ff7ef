#include "dltonic/core/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dltonic {
namespace {

/// By the definition: sign, five bits of exponent, ten of fraction.
double defined(std::uint16_t half) {
  const int exponent = (half >> 10) & 31, fraction = half & 1023;
  const double sign = (half & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25));
}

TEST(Half, EveryHalfIsTheNumberItStandsFor) {
  for (unsigned h = 0; h < 65536; ++h) {
    const auto half = static_cast<std::uint16_t>(h);
    const double wanted = defined(half);
    const float number = from_half(half);
    if (std::isnan(wanted)) {
      ASSERT_TRUE(std::isnan(number)) << h;
      ASSERT_TRUE(std::isnan(from_half(to_half(number)))) << h;
      continue;
    }
    ASSERT_EQ(number, wanted) << h;
    ASSERT_EQ(std::signbit(number), (half & 0x8000) != 0) << h;
    ASSERT_EQ(to_half(number), half);
  }
}

TEST(Half, TheNearestOneIsTakenAndTheEvenOneOfTwo) {
  for (unsigned h = 0; h < 0x7BFF; ++h) {
    const auto low = static_cast<std::uint16_t>(h), high = static_cast<std::uint16_t>(h + 1);
    const auto middle = static_cast<float>((defined(low) + defined(high)) / 2);  // exact: a float has bits enough
    ASSERT_EQ(to_half(middle), h % 2 == 0 ? low : high) << h;
    ASSERT_EQ(to_half(std::nextafter(middle, 0.0f)), low) << h;
    ASSERT_EQ(to_half(std::nextafter(middle, 1e9f)), high) << h;
    ASSERT_EQ(to_half(-std::nextafter(middle, 1e9f)), high | 0x8000) << h;
  }
  EXPECT_EQ(to_half(std::nextafter(65520.0f, 0.0f)), 0x7BFF);
  EXPECT_EQ(to_half(65520.0f), 0x7C00);
  EXPECT_EQ(to_half(-1e30f), 0xFC00);
}

}  // namespace
}  // namespace dltonic
