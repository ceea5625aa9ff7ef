/// Sums over ranks with a GPU each. With one rank they change nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "dltonic/comm/gpu.h"
#include "dltonic/core/text.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/step.h"
#include "support/mpi_world.h"

using namespace dltonic;
using namespace dltonic::comm;
using dltonic::test::world;
using testing::HasSubstr;

namespace {

class Reduce : public testing::Test {
 protected:
  void SetUp() override {
    reducer.emplace(world(), choose_gpu(world(), false), 30);
    ASSERT_TRUE(reducer->available()) << reducer->why_not();
    ASSERT_EQ(reducer->size(), world().size());
    stream.emplace();
  }
  void finish() {
    const auto waiting = reducer->waiting();
    stream->synchronize();
  }
  template <class T>
  std::vector<T> reduced(const std::vector<T>& mine, std::size_t skip = 0) {
    const auto values = device::uploaded(mine, *stream);
    reducer->all_reduce(values.data() + skip, mine.size() - skip, *stream);
    finish();
    return device::downloaded(values.data(), mine.size(), *stream);
  }

  std::optional<GpuReducer> reducer;
  std::optional<device::Stream> stream;
};

/// Small whole numbers: their sums are exact in any order.
template <class T>
T whole(std::size_t i, int rank) {
  return static_cast<T>(i % 97 + 1 + static_cast<std::size_t>(rank) * (i % 5));
}
template <class T>
std::vector<T> wholes(std::size_t n, int rank) {
  std::vector<T> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = whole<T>(i, rank);
  return values;
}
template <class T>
std::vector<T> sum_of_wholes(std::size_t n) {
  std::vector<T> sums(n, 0);
  for (int rank = 0; rank < world().size(); ++rank) {
    for (std::size_t i = 0; i < n; ++i) sums[i] += whole<T>(i, rank);
  }
  return sums;
}

template <class T>
void expect_same_on_all_ranks(const std::vector<T>& mine) {
  const auto bytes = std::as_bytes(std::span(mine));
  const auto all = world().gather_bytes(bytes);
  for (std::size_t rank = 0; rank < all.size() / bytes.size(); ++rank) {
    EXPECT_EQ(std::memcmp(all.data() + rank * bytes.size(), bytes.data(), bytes.size()), 0)
        << "rank " << rank << " has other bits";
  }
}

constexpr std::size_t kSizes[] = {1, 2, 3, 7, 255, 257, 1023, 65537, 256'000, 1'000'003};

}  // namespace

TEST_F(Reduce, AddsFloatsOfAnyNumber) {
  for (const std::size_t n : kSizes) EXPECT_EQ(reduced(wholes<float>(n, world().rank())), sum_of_wholes<float>(n)) << n;
}

TEST_F(Reduce, AddsDoublesOfAnyNumber) {
  for (const std::size_t n : kSizes) EXPECT_EQ(reduced(wholes<double>(n, world().rank())), sum_of_wholes<double>(n)) << n;
}

TEST_F(Reduce, LeavesWhatLiesBesideAlone) {
  const auto mine = wholes<float>(1000, world().rank());
  const auto sums = sum_of_wholes<float>(1000);
  for (const std::size_t skip : {1, 3, 1000}) {  // addresses that are no multiple of 16; nothing at all
    auto expected = mine;
    std::copy(sums.begin() + static_cast<std::ptrdiff_t>(skip), sums.end(),
              expected.begin() + static_cast<std::ptrdiff_t>(skip));
    EXPECT_EQ(reduced(mine, skip), expected) << skip;
  }
}

TEST_F(Reduce, GivesTheSameBitsToAllRanksAndEveryTime) {
  constexpr std::size_t n = 300'001;
  const auto noise = [](std::size_t i, int rank) {
    return static_cast<float>(std::sin(0.7 * static_cast<double>(i) + 1.3 * rank) *
                              std::pow(10.0, static_cast<double>(i % 9) - 4));
  };
  std::vector<float> mine(n);
  for (std::size_t i = 0; i < n; ++i) mine[i] = noise(i, world().rank());
  const auto sums = reduced(mine);
  expect_same_on_all_ranks(sums);
  EXPECT_EQ(reduced(mine), sums);
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double exact = 0, size = 0;
    for (int rank = 0; rank < world().size(); ++rank) {
      exact += static_cast<double>(noise(i, rank));
      size += std::abs(static_cast<double>(noise(i, rank)));
    }
    worst = std::max(worst, std::abs(static_cast<double>(sums[i]) - exact) / size);
  }
  EXPECT_LT(worst, 1e-6);
}

TEST_F(Reduce, CarriesNonFiniteSumsToAllRanks) {
  std::vector<float> mine(1000, 1.0F);
  if (world().rank() == world().size() - 1) mine[500] = std::nanf(""), mine[501] = INFINITY;
  const auto sums = reduced(mine);
  EXPECT_TRUE(std::isnan(sums[500]));
  EXPECT_EQ(sums[501], INFINITY);
  EXPECT_EQ(sums[502], static_cast<float>(world().size()));
}

/// The shape of a training step: buckets on a stream of their own beside the main one, and the step's sums, in one graph.
TEST_F(Reduce, RunsInAGraphLaunchedAHundredTimes) {
  const int ranks = world().size();
  constexpr std::size_t kBuckets = 4, kBucket = 63'999;
  constexpr int kLaunches = 100;
  // Equal on all ranks after the first launch, times `ranks` in each later one: exact as long as it is finite.
  ASSERT_LE(kLaunches * std::log2(ranks), 110);
  const auto values = device::uploaded(wholes<float>(kBuckets * kBucket, world().rank()), *stream);
  const auto doubles = device::uploaded(wholes<double>(4, world().rank()), *stream);
  device::Stream side;
  device::Event filled, added;
  const device::Graph graph(*stream, [&] {
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      filled.record(*stream);
      side.wait(filled);
      reducer->all_reduce(values.data() + bucket * kBucket, kBucket, side);
    }
    reducer->all_reduce(doubles.data(), doubles.size(), side);
    added.record(side);
    stream->wait(added);
  });
  for (int launch = 0; launch < kLaunches; ++launch) graph.launch(*stream);
  finish();

  const auto got = device::downloaded(values.data(), values.size(), *stream);
  auto expected = sum_of_wholes<float>(values.size());
  for (float& value : expected) value *= static_cast<float>(std::pow(ranks, kLaunches - 1));
  EXPECT_EQ(got, expected);
  expect_same_on_all_ranks(got);
  auto expected_doubles = sum_of_wholes<double>(4);
  for (double& value : expected_doubles) value *= std::pow(ranks, kLaunches - 1);
  EXPECT_EQ(device::downloaded(doubles.data(), 4, *stream), expected_doubles);
}

TEST_F(Reduce, CarriesAStepsSumsAndOneRanksWish) {
  device::Steps steps;
  if (world().rank() == 0) steps.wish({.save = true}, *stream);
  steps.set({.step = 7}, *stream);
  const device::Graph graph(*stream, [&] {
    reducer->all_reduce(&steps.sums()->loss, device::StepSums::kSummed, *stream);
    steps.end(*stream);
  });
  graph.launch(*stream);
  finish();
  const auto report = steps.report(7);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->save, 1);
  EXPECT_EQ(report->stop, 0);
  EXPECT_EQ(report->loss, 0);
}

TEST_F(Reduce, CanBeMadeAgain) {
  reducer.reset();
  reducer.emplace(world(), choose_gpu(world(), false), 30);
  EXPECT_EQ(reduced(wholes<float>(129, world().rank())), sum_of_wholes<float>(129));
}

/// As a step does it: pieces of one memory from its end to its front, uneven and unaligned, in a graph that runs again.
TEST_F(Reduce, SumsInItsOwnMemory) {
  const std::size_t n = 100'003;
  const std::span<float> memory = reducer->memory(n);
  if (world().size() == 1) {
    EXPECT_TRUE(memory.empty());
    return;
  }
  ASSERT_EQ(memory.size(), n);
  const auto mine = device::uploaded(wholes<float>(n, world().rank()), *stream);
  const device::Graph graph(*stream, [&] {
    device::copy(memory.data(), mine.data(), mine.bytes(), *stream);
    reducer->all_reduce(memory.data() + 64'001, n - 64'001, *stream);
    reducer->all_reduce(memory.data() + 32, 63'969, *stream);
    reducer->all_reduce(memory.data(), 32, *stream);
  });
  for (int run = 0; run < 3; ++run) {
    graph.launch(*stream);
    finish();
    EXPECT_EQ(device::downloaded(memory.data(), n, *stream), sum_of_wholes<float>(n)) << "run " << run;
  }
  EXPECT_EQ(reducer->memory(1).size(), 1u) << "more than one";
}

TEST_F(Reduce, SaysWhichLibraryAdds) { EXPECT_THAT(nccl_version(), HasSubstr("NCCL 2.")); }
