#include "data/deal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <stdexcept>
#include <thread>

namespace dltonic::data {
namespace {

using Work = data::Run;  // within a test Run is its own

std::vector<std::uint64_t> sizes() {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t i = 0; i < 500; ++i) sizes.push_back(i % 50 == 7 ? 100000 : 100 + i * 37 % 1000);
  return sizes;
}

TEST(Deal, RunsHoldEverythingOnceAndInOrder) {
  const auto bytes = sizes();
  const auto runs = runs_of(bytes, 5000);
  std::size_t next = 0;
  for (const Work& run : runs) {
    EXPECT_EQ(run.first, next);
    EXPECT_EQ(run.bytes, std::accumulate(bytes.begin() + run.first, bytes.begin() + run.first + run.count, std::uint64_t{0}));
    EXPECT_LT(run.bytes - bytes[run.first + run.count - 1], 5000u);
    next += run.count;
  }
  EXPECT_EQ(next, bytes.size());
}

TEST(Deal, WhatIsNotChosenIsInNoRun) {
  const auto bytes = sizes();
  std::vector<std::uint8_t> chosen(bytes.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = i % 3 != 1;
  std::vector<std::uint8_t> seen(bytes.size(), 0);
  for (const Work& run : runs_of(bytes, 5000, chosen)) {
    for (std::size_t i = run.first; i < run.first + run.count; ++i) ++seen[i];
  }
  EXPECT_EQ(seen, chosen);
}

TEST(Deal, RanksGetAboutTheSameAndTheLargestFirst) {
  const auto bytes = sizes();
  const auto runs = runs_of(bytes, 5000);
  const std::uint64_t total = std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
  for (int world = 1; world <= 4; ++world) {
    std::size_t dealt = 0;
    for (int rank = 0; rank < world; ++rank) {
      const auto mine = deal(runs, rank, world);
      std::uint64_t sum = 0;
      for (const Work& run : mine) sum += run.bytes;
      EXPECT_NEAR(static_cast<double>(sum), static_cast<double>(total) / world, 6000);
      EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end(), [](const Work& a, const Work& b) { return a.bytes > b.bytes; }));
      dealt += mine.size();
    }
    EXPECT_EQ(dealt, runs.size());
  }
}

TEST(Deal, SharesByWeightFollowEachOther) {
  const auto weights = sizes();
  const double total = static_cast<double>(std::accumulate(weights.begin(), weights.end(), std::uint64_t{0}));
  for (int takers = 1; takers <= 7; ++takers) {
    std::size_t next = 0;
    for (int taker = 0; taker < takers; ++taker) {
      const Work share = share_by_weight(weights, taker, takers);
      EXPECT_EQ(share.first, next);
      EXPECT_NEAR(static_cast<double>(share.bytes), total / takers, 100001);
      next += share.count;
    }
    EXPECT_EQ(next, weights.size());
  }
  EXPECT_EQ(share_by_weight({}, 1, 3).count, 0u);
}

TEST(Deal, TheFirstErrorIsThrownAndAStopIsHeard) {
  const std::vector<Work> runs(100, {0, 1, 1});
  EXPECT_THROW(for_each_run(
                   runs, [](int, const Work&) { throw std::runtime_error("x"); }, [] {}, [] { return false; }),
               std::runtime_error);
  std::atomic<int> done{0};
  for_each_run(
      runs, [&](int, const Work&) { ++done; }, [] {}, [&] { return done >= 3; });
  EXPECT_LT(done, 100);
}

TEST(Deal, TheGateHoldsBytesBack) {
  ByteGate gate(100);
  std::atomic<int> held{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const ByteGate::Pass pass(gate, 40);
        const int now = ++held;
        int before = most;
        while (before < now && !most.compare_exchange_weak(before, now)) {
        }
        std::this_thread::yield();
        --held;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most, 2);
  const ByteGate::Pass longer(gate, 1000);  // alone, anything may pass
}

}  // namespace
}  // namespace dltonic::data
