#include "dltonic/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace dltonic {
namespace {

// kat_vectors of Random123 (Salmon et al.), philox4x32 with 10 rounds.
TEST(Philox, PublishedKnownAnswers) {
  EXPECT_EQ(philox::block({0, 0, 0, 0}, {0, 0}), (philox::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox::block({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (philox::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox::block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (philox::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, BlocksSideBySideAreTheSame) {
  std::uint32_t eight[4][8], three[4][3];
  for (std::uint32_t lane = 0; lane < 8; ++lane) {
    for (std::uint32_t k = 0; k < 4; ++k) eight[k][lane] = 0x9E3779B9u * (lane * 4 + k + 1);
  }
  for (int lane = 0; lane < 3; ++lane) {
    for (int k = 0; k < 4; ++k) three[k][lane] = eight[k][lane];
  }
  philox::Block expected[8];
  const std::array<std::uint32_t, 2> key{0x89abcdefu, 0xf1234567u};
  for (int lane = 0; lane < 8; ++lane) {
    expected[lane] = philox::block({eight[0][lane], eight[1][lane], eight[2][lane], eight[3][lane]}, key);
  }
  philox::blocks(eight, key);
  philox::blocks(three, key);
  for (std::size_t k = 0; k < 4; ++k) {
    for (int lane = 0; lane < 8; ++lane) EXPECT_EQ(eight[k][lane], expected[lane][k]) << "lane " << lane;
    for (int lane = 0; lane < 3; ++lane) EXPECT_EQ(three[k][lane], expected[lane][k]) << "lane " << lane;
  }
}

TEST(RandomTest, AStreamIsItsBlocksInOrder) {
  const std::uint64_t seed = 0x0123456789abcdef;
  Random random(seed, Use::wiring, 7, 9);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const auto expected = philox::block({block, static_cast<std::uint32_t>(Use::wiring), 7, 9}, {0x89abcdef, 0x01234567});
    for (const std::uint32_t word : expected) EXPECT_EQ(random.next_u32(), word);
  }
}

TEST(RandomTest, EveryPartOfTheKeyMatters) {
  std::set<std::uint64_t> first;
  for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32}) {
    for (const Use use : {Use::split, Use::order, Use::augment}) {
      for (const std::uint32_t a : {0u, 1u}) {
        for (const std::uint32_t b : {0u, 1u}) first.insert(Random(seed, use, a, b).next_u64());
      }
    }
  }
  EXPECT_EQ(first.size(), 3u * 3 * 2 * 2);
}

TEST(RandomTest, BelowIsInRangeAndUnbiased) {
  // 3·2^30: taking the product's high word without rejection would give residues 0 mod 3 twice the share of the others.
  constexpr std::uint32_t kLarge = 3u << 30;
  constexpr int kDraws = 300'000;
  Random random(1, Use::test);
  std::array<int, 3> residues{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint32_t value = random.below(kLarge);
    ASSERT_LT(value, kLarge);
    ++residues[value % 3];
  }
  for (const int count : residues) EXPECT_NEAR(count, kDraws / 3, 1300);  // 5 standard deviations (258)

  for (const std::uint32_t n : {1u, 2u, 10u, 28u}) {
    std::vector<int> counts(n);
    for (int i = 0; i < kDraws; ++i) {
      const std::uint32_t value = random.below(n);
      ASSERT_LT(value, n);
      ++counts[value];
    }
    double chi_square = 0;
    const double expected = static_cast<double>(kDraws) / n;
    for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi_square, n + 6 * std::sqrt(2.0 * n)) << n;
  }
}

TEST(RandomTest, BetweenReachesBothEnds) {
  Random random(2, Use::test);
  std::set<int> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.between(-3, 3));
  EXPECT_EQ(seen, (std::set<int>{-3, -2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(random.between(5, 5), 5);
}

TEST(RandomTest, UniformsLieInTheHalfOpenUnitInterval) {
  Random random(3, Use::test);
  double sum = 0, sum_double = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const float u = random.uniform();
    const double d = random.uniform_double();
    ASSERT_TRUE(u >= 0.0f && u < 1.0f && d >= 0.0 && d < 1.0);
    sum += static_cast<double>(u);
    sum_double += d;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.0033);  // 5 standard deviations
  EXPECT_NEAR(sum_double / kDraws, 0.5, 0.0033);
}

TEST(RandomTest, NormalHasTheMomentsOfANormal) {
  Random random(4, Use::test);
  constexpr int kDraws = 400'000;
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  int beyond_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal();
    ASSERT_TRUE(std::isfinite(x));
    m1 += x, m2 += x * x, m3 += x * x * x, m4 += x * x * x * x;
    beyond_two += std::abs(x) > 2 ? 1 : 0;
  }
  // Five standard deviations of each mean: sqrt(Var / draws), Var = 1, 2, 15, 96.
  EXPECT_NEAR(m1 / kDraws, 0, 5 * std::sqrt(1.0 / kDraws));
  EXPECT_NEAR(m2 / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(m3 / kDraws, 0, 5 * std::sqrt(15.0 / kDraws));
  EXPECT_NEAR(m4 / kDraws, 3, 5 * std::sqrt(96.0 / kDraws));
  EXPECT_NEAR(static_cast<double>(beyond_two) / kDraws, 0.0455003, 0.0017);
}

TEST(Permutation, IsAPermutationAndAFunctionOfItsKey) {
  for (const std::uint32_t n : {0u, 1u, 2u, 1000u}) {
    auto order = permutation(n, Random(5, Use::order, 3));
    EXPECT_EQ(order, permutation(n, Random(5, Use::order, 3)));
    std::sort(order.begin(), order.end());
    for (std::uint32_t i = 0; i < n; ++i) EXPECT_EQ(order[i], i);
  }
  EXPECT_NE(permutation(1000, Random(5, Use::order, 3)), permutation(1000, Random(5, Use::order, 4)));
}

TEST(Permutation, AllOrdersAreEquallyLikely) {
  std::map<std::vector<std::uint32_t>, int> counts;
  constexpr int kDraws = 24'000;
  for (std::uint32_t i = 0; i < kDraws; ++i) ++counts[permutation(4, Random(6, Use::test, i))];
  ASSERT_EQ(counts.size(), 24u);
  double chi_square = 0;
  for (const auto& [order, count] : counts) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 23 + 6 * std::sqrt(46.0));
}

}  // namespace
}  // namespace dltonic
