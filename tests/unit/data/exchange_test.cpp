#include "dltonic/data/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::data {
namespace {

constexpr std::uint32_t kFirst = 1000;  // samples that train are not the first of the set

EpochOrder order_of(std::uint32_t samples, std::uint64_t batch_size) {
  std::vector<std::uint32_t> all(samples);
  std::iota(all.begin(), all.end(), kFirst);
  return EpochOrder(std::move(all), batch_size, 9);
}

struct Job {
  std::uint32_t samples;
  std::uint64_t batch_size;
  int shards, world;
  std::size_t round_rows;
};

class EveryJob : public testing::TestWithParam<Job> {};

TEST_P(EveryJob, SharesAreThoseOfTheGlobalBatch) {
  const Job job = GetParam();
  EpochOrder order = order_of(job.samples, job.batch_size);
  order.start(3);
  std::vector<std::uint32_t> held;
  for (int rank = 0; rank < job.world; ++rank) {
    const EpochShares shares(job.samples, job.batch_size, job.shards, rank, job.world);
    std::vector<std::uint32_t> expected;
    for (std::uint64_t b = 0; b < order.batches(); ++b) {
      for (const BatchPart& part : parts_of_rank(job.batch_size, job.shards, rank, job.world)) {
        const auto some = order.samples(b, part);
        expected.insert(expected.end(), some.begin(), some.end());
      }
    }
    EXPECT_THAT(shares.trained_by_this(order), testing::ElementsAreArray(expected)) << "rank " << rank;
    EXPECT_EQ(shares.trained(), expected.size());
    std::size_t count = 0;
    shares.each(order, [&](int whose, std::uint32_t sample) {
      if (whose != rank) return;
      ++count;
      held.push_back(sample);
    });
    EXPECT_EQ(shares.held(rank), count);
  }
  EXPECT_THAT(held, testing::UnorderedElementsAreArray(order.all())) << "each sample has one rank";
}

/// Rows are their sample numbers; `sent` is the network.
TEST_P(EveryJob, EveryRowArrivesOnceWhereItIsWanted) {
  const Job job = GetParam();
  const auto world = static_cast<std::size_t>(job.world);
  EpochOrder order = order_of(job.samples, job.batch_size);
  std::vector<RowExchange> exchange;
  std::vector<std::vector<std::uint32_t>> memory;
  order.start(0);
  for (int rank = 0; rank < job.world; ++rank) {
    exchange.emplace_back(EpochShares(job.samples, job.batch_size, job.shards, rank, job.world), kFirst + job.samples,
                          job.round_rows);
    EXPECT_FALSE(exchange.back().begun());
    exchange.back().begin(order);
    EXPECT_TRUE(exchange.back().begun());
    memory.emplace_back(exchange.back().slots());
    const auto held = exchange.back().held();
    std::copy(held.begin(), held.end(), memory.back().begin());
  }
  for (const std::uint32_t epoch : {1u, 2u, 2u, 7u, 0u}) {  // the next, the same, any other
    order.start(epoch);
    std::vector<std::vector<RowExchange::Round>> rounds;
    for (auto& rank : exchange) rounds.push_back(rank.go_on(order));
    for (std::size_t r = 0; r < world; ++r) ASSERT_EQ(rounds[r].size(), rounds[0].size()) << "rounds of rank " << r;
    for (std::size_t i = 0; i < rounds[0].size(); ++i) {
      std::vector<std::vector<std::vector<std::uint32_t>>> sent(world, std::vector<std::vector<std::uint32_t>>(world));
      for (std::size_t r = 0; r < world; ++r) {
        const RowExchange::Round& round = rounds[r][i];
        ASSERT_LE(std::max(round.out.size(), round.in.size()), exchange[r].most_of_round());
        ASSERT_EQ(round.to.size(), world);
        ASSERT_EQ(round.to[r], 0u) << "to itself";
        std::size_t at = 0;
        for (std::size_t to = 0; to < world; ++to) {
          for (std::size_t k = 0; k < round.to[to]; ++k) sent[r][to].push_back(memory[r][round.out[at++]]);
        }
        ASSERT_EQ(at, round.out.size());
      }
      for (std::size_t r = 0; r < world; ++r) {
        const RowExchange::Round& round = rounds[r][i];
        std::size_t at = 0;
        for (std::size_t from = 0; from < world; ++from) {
          ASSERT_EQ(round.from[from], sent[from][r].size()) << "rows from " << from << " to " << r;
          for (const std::uint32_t row : sent[from][r]) memory[r][round.in[at++]] = row;
        }
        ASSERT_EQ(at, round.in.size());
        for (const std::uint32_t slot : round.in) ASSERT_LT(slot, exchange[r].slots());
      }
    }
    std::vector<std::uint32_t> everywhere;
    for (std::size_t r = 0; r < world; ++r) {
      const EpochShares shares(job.samples, job.batch_size, job.shards, static_cast<int>(r), job.world);
      std::vector<std::uint32_t> found;
      for (const std::uint32_t slot : exchange[r].slot()) found.push_back(memory[r][slot]);
      everywhere.insert(everywhere.end(), found.begin(), found.end());
      EXPECT_THAT(exchange[r].held(), testing::ElementsAreArray(found)) << "rank " << r << ", epoch " << epoch;
      found.resize(shares.trained());
      EXPECT_THAT(found, testing::ElementsAreArray(shares.trained_by_this(order))) << "rank " << r << ", epoch " << epoch;
    }
    EXPECT_THAT(everywhere, testing::UnorderedElementsAreArray(order.all()));
  }
}

std::vector<Job> jobs() {
  std::vector<Job> all;
  for (int world = 1; world <= 8; ++world) {
    all.push_back({203, 20, 0, world, 1'000'000});  // one round; uneven shares where 20 is no multiple, 3 dropped
    all.push_back({203, 20, 0, world, 7});          // many rounds
    all.push_back({64, 8, 8, world, 3});            // canonical: whole shards
    all.push_back({30, 29, 0, world, 1});           // one batch; a round of as few rows as can be
    all.push_back({47, 24, 0, world, 5});           // nearly half of an epoch is dropped
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, EveryJob, testing::ValuesIn(jobs()), [](const auto& job) {
  const Job& j = job.param;
  return cat(j.samples, "samples_of_", j.batch_size, "_shards", j.shards, "_ranks", j.world, "_rounds", j.round_rows);
});

TEST(RowExchange, WhatStaysIsNotMoved) {
  EpochOrder order = order_of(100, 10);
  order.start(0);
  RowExchange alone(EpochShares(100, 10, 0, 0, 1), kFirst + 100, 8);
  alone.begin(order);
  order.start(1);
  EXPECT_TRUE(alone.go_on(order).empty());
  EXPECT_EQ(alone.slots(), 100u);
  EXPECT_EQ(alone.most_of_round(), 0u);
  RowExchange one_of_two(EpochShares(100, 10, 0, 0, 2), kFirst + 100, 100);
  order.start(0);
  one_of_two.begin(order);
  EXPECT_TRUE(one_of_two.go_on(order).empty()) << "the same epoch once more";
  order.start(1);
  std::size_t moved = 0;
  for (const auto& round : one_of_two.go_on(order)) moved += round.out.size();
  EXPECT_GT(moved, 10u);
  EXPECT_LT(moved, 40u) << "about half of fifty";
}

TEST(EpochShares, RefusesMoreRanksThanSamplesOfABatch) {
  EXPECT_THROW(EpochShares(100, 3, 0, 0, 4), ConfigError);
  EXPECT_EQ(EpochShares().share(), 0);
  EXPECT_EQ(EpochShares().trained(), 0u);
}

}  // namespace
}  // namespace dltonic::data
