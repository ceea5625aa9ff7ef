#include "dltonic/core/bernoulli.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

namespace dltonic {
namespace {

constexpr BernoulliKey kKey{0x123456789ABCDEFull, Use::test, 3, 17};

std::vector<std::uint32_t> masks(const BernoulliKey& key, double probability, std::uint32_t words) {
  std::vector<std::uint32_t> all;
  for (std::uint32_t w = 0; w < words; w += 8) {
    std::uint32_t some[8];
    bernoulli_words(key, w, bernoulli_threshold(probability), some);
    all.insert(all.end(), some, some + 8);
  }
  return all;
}

std::size_t count(const std::vector<std::uint32_t>& masks) {
  std::size_t bits = 0;
  for (const std::uint32_t mask : masks) bits += static_cast<std::size_t>(std::popcount(mask));
  return bits;
}

TEST(BernoulliThreshold, IsTheProbabilityInStepsOf2ToTheMinus32) {
  EXPECT_EQ(bernoulli_threshold(0), 0u);
  EXPECT_EQ(bernoulli_threshold(0.5), 0x80000000u);
  EXPECT_EQ(bernoulli_threshold(0x3p-32), 3u);
  EXPECT_EQ(bernoulli_threshold(1e-12), 1u);  // not never
  EXPECT_EQ(bernoulli_threshold(1), 0xFFFFFFFFu);
}

/// The definition without slices and early ends: a random number a bit, compared with the threshold.
TEST(Bernoulli, EveryBitComparesItsOwnNumberWithTheThreshold) {
  for (const std::uint32_t threshold : {0u, 1u, 0x00010000u, 0x0CCCCCCDu, 0x40000000u, 0x80000000u, 0xDEADBEEFu, 0xFFFFFFFFu}) {
    for (std::uint32_t word = 0; word < 200; ++word) {
      std::uint32_t slices[32];
      for (std::uint32_t block = 0; block < 8; ++block) {
        const auto made =
            philox::block({word * 8 + block, static_cast<std::uint32_t>(Use::test), 3, 17}, {0x89ABCDEFu, 0x01234567u});
        for (std::uint32_t k = 0; k < 4; ++k) slices[4 * block + k] = made[k];
      }
      std::uint32_t expected = 0;
      for (int bit = 0; bit < 32; ++bit) {
        std::uint32_t number = 0;
        for (int k = 0; k < 32; ++k) number |= ((slices[k] >> bit) & 1u) << (31 - k);
        if (number < threshold) expected |= 1u << bit;
      }
      std::uint32_t mask[1];
      bernoulli_words(kKey, word, threshold, mask);
      ASSERT_EQ(mask[0], expected) << "threshold " << threshold << " word " << word;
    }
  }
}

TEST(Bernoulli, AWordIsTheSameInAnyCompany) {
  for (const double probability : {0.001, 0.05, 0.3, 0.5, 0.9}) {
    for (std::uint32_t first = 0; first < 40; first += 3) {
      std::uint32_t eight[8], three[3], one[1];
      bernoulli_words(kKey, first, bernoulli_threshold(probability), eight);
      bernoulli_words(kKey, first, bernoulli_threshold(probability), three);
      for (std::uint32_t i = 0; i < 8; ++i) {
        bernoulli_words(kKey, first + i, bernoulli_threshold(probability), one);
        ASSERT_EQ(eight[i], one[0]);
        if (i < 3) {
          ASSERT_EQ(three[i], one[0]);
        }
      }
    }
  }
}

TEST(Bernoulli, SetsTheShareAskedForInEveryPlace) {
  constexpr std::uint32_t kWords = 40'000;
  for (const double p : {0.0005, 0.01, 0.1, 1.0 / 3, 0.5, 0.75, 0.99}) {
    const auto all = masks(kKey, p, kWords);
    const double n = kWords * 32.0;
    EXPECT_NEAR(static_cast<double>(count(all)) / n, p, 4.5 * std::sqrt(p * (1 - p) / n));
    for (int bit = 0; bit < 32; ++bit) {
      double set = 0;
      for (const std::uint32_t mask : all) set += (mask >> bit) & 1u;
      EXPECT_NEAR(set / kWords, p, 5 * std::sqrt(p * (1 - p) / kWords)) << "bit " << bit << " p " << p;
    }
  }
}

/// Two masks that know nothing of each other have p² of their bits in common.
TEST(Bernoulli, BitsWordsSamplesEpochsAndUsesAreIndependent) {
  constexpr std::uint32_t kWords = 40'000;
  constexpr double kP = 0.2;
  const auto base = masks(kKey, kP, kWords);
  const auto expect_independent = [&](const std::vector<std::uint32_t>& other, double bits_a_word, const char* what) {
    double common = 0;
    for (std::size_t w = 0; w < base.size(); ++w) common += std::popcount(base[w] & other[w]);
    const double n = bits_a_word * kWords, q = kP * kP;
    EXPECT_NEAR(common / n, q, 4.5 * std::sqrt(q * (1 - q) / n)) << what;
  };
  auto changed = kKey;
  ++changed.sample;
  expect_independent(masks(changed, kP, kWords), 32, "the next sample");
  changed = kKey;
  ++changed.epoch;
  expect_independent(masks(changed, kP, kWords), 32, "the next epoch");
  changed = kKey;
  ++changed.seed;
  expect_independent(masks(changed, kP, kWords), 32, "another seed");
  changed = kKey;
  changed.use = Use::drop;
  expect_independent(masks(changed, kP, kWords), 32, "another use");
  std::vector<std::uint32_t> next(base.begin() + 1, base.end());
  next.push_back(base[0]);
  expect_independent(next, 32, "the next word");
  for (const int distance : {1, 2, 7, 16}) {
    std::vector<std::uint32_t> shifted(base);
    for (std::uint32_t& mask : shifted) mask >>= distance;
    expect_independent(shifted, 32 - distance, "a bit beside it");
  }
}

}  // namespace
}  // namespace dltonic
