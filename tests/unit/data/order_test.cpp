#include "dltonic/data/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "dltonic/core/error.h"

namespace dltonic::data {
namespace {

std::vector<std::uint32_t> samples(std::uint32_t n) {
  std::vector<std::uint32_t> s(n);
  std::iota(s.begin(), s.end(), 1000u);
  return s;
}

TEST(EpochOrder, AnyNumberOfRanksTrainsTheSameBatchesInTheSameOrder) {
  constexpr std::uint64_t batch_size = 10;
  EpochOrder order(samples(57), batch_size, 9);
  order.start(4);
  for (const int shards : {0, 5}) {
    for (std::uint64_t b = 0; b < order.batches(); ++b) {
      const auto whole = order.samples(b, {0, batch_size});
      for (int world = 1; world <= 5; ++world) {
        std::vector<std::uint32_t> joined;
        for (int rank = 0; rank < world; ++rank) {
          for (const auto part : parts_of_rank(batch_size, shards, rank, world)) {
            const auto some = order.samples(b, part);
            joined.insert(joined.end(), some.begin(), some.end());
          }
        }
        EXPECT_THAT(joined, testing::ElementsAreArray(whole)) << world << " ranks, " << shards << " shards, batch " << b;
      }
    }
  }
}

TEST(EpochOrder, EpochsDifferAndCoverEverySampleButTheRest) {
  EpochOrder order(samples(57), 10, 9);
  EXPECT_EQ(order.batches(), 5u);
  EXPECT_EQ(order.dropped(), 7u);
  order.start(0);
  std::vector<std::uint32_t> first(order.samples(0, {0, 10}).begin(), order.samples(0, {0, 10}).end());
  std::set<std::uint32_t> seen;
  for (std::uint64_t b = 0; b < 5; ++b) seen.insert(order.samples(b, {0, 10}).begin(), order.samples(b, {0, 10}).end());
  EXPECT_EQ(seen.size(), 50u);
  EXPECT_GE(*seen.begin(), 1000u);
  EXPECT_LT(*seen.rbegin(), 1057u);
  order.start(1);
  EXPECT_THAT(first, testing::Not(testing::ElementsAreArray(order.samples(0, {0, 10}))));
  order.start(0);
  EXPECT_THAT(first, testing::ElementsAreArray(order.samples(0, {0, 10})));
}

TEST(PartsOfRank, SharesDifferByAtMostOneSample) {
  for (int world = 1; world <= 7; ++world) {
    std::uint64_t least = 100, most = 0, total = 0;
    for (int rank = 0; rank < world; ++rank) {
      const auto parts = parts_of_rank(100, 0, rank, world);
      ASSERT_EQ(parts.size(), 1u);
      least = std::min(least, parts[0].count);
      most = std::max(most, parts[0].count);
      total += parts[0].count;
    }
    EXPECT_LE(most - least, 1u);
    EXPECT_EQ(total, 100u);
  }
}

template <class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(PartsOfRank, RefusesWhatDoesNotFitWithBothNumbersAndAWayOut) {
  EXPECT_THAT(message_of([] { parts_of_rank(3, 0, 0, 4); }),
              testing::AllOf(testing::HasSubstr("3 samples"), testing::HasSubstr("4 ranks")));
  EXPECT_THAT(
      message_of([] { parts_of_rank(100, 3, 0, 1); }),
      testing::AllOf(testing::HasSubstr("canonical_shards is 3"), testing::HasSubstr("100"), testing::HasSubstr("(5 would")));
  EXPECT_THAT(message_of([] { parts_of_rank(100, 4, 0, 5); }),
              testing::AllOf(testing::HasSubstr("4"), testing::HasSubstr("5 ranks")));
  EXPECT_THAT(message_of([] { EpochOrder(samples(5), 6, 0); }),
              testing::AllOf(testing::HasSubstr("6"), testing::HasSubstr("5 samples")));
}

TEST(DefaultShards, IsTheLargestDivisorUpToEight) {
  EXPECT_EQ(default_shards(100), 5);
  EXPECT_EQ(default_shards(64), 8);
  EXPECT_EQ(default_shards(97), 1);
  EXPECT_EQ(default_shards(14), 7);
}

}  // namespace
}  // namespace dltonic::data
