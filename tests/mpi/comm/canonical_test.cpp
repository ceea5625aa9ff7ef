/// The canonical sum against a serial tree written down independently: the recursion over aligned halves.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "dltonic/comm/canonical.h"
#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/random.h"
#include "support/mpi_world.h"

using namespace dltonic;
using test::world;

namespace {

/// Values over many magnitudes, so that another order of additions shows in the bits.
template <class T>
std::vector<T> shard_values(int shard, std::size_t n) {
  Random random(77, Use::test, static_cast<std::uint32_t>(shard));
  std::vector<T> values(n);
  for (T& value : values) {
    if constexpr (std::is_integral_v<T>) value = random.between(-1000000, 1000000);
    else value = static_cast<T>(std::ldexp(random.uniform() - 0.5f, random.between(-12, 12)));
  }
  return values;
}

template <class T>
std::vector<T> serial_tree(const std::vector<std::vector<T>>& shards, std::size_t first, std::size_t span) {
  if (span == 1) return shards[first];
  auto left = serial_tree(shards, first, span / 2);
  if (first + span / 2 < shards.size()) {
    const auto right = serial_tree(shards, first + span / 2, span / 2);
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = left[i] + right[i];
  }
  return left;
}

template <class T>
class Canonical : public testing::Test {};
using Types = testing::Types<float, double, std::int64_t>;
TYPED_TEST_SUITE(Canonical, Types);

}  // namespace

TYPED_TEST(Canonical, HasTheBitsOfTheSerialTreeOnAnyNumberOfRanks) {
  using T = TypeParam;
  // 9,000,001 elements would take two rounds for V = 3; odd lengths make uneven slices.
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000},
                              std::size_t{20011}, std::size_t{4200001}}) {
    for (const int shards : {1, 2, 3, 4, 5, 6, 7, 8, 13}) {
      if (n > 100000 && shards != 3) continue;
      std::vector<std::vector<T>> all;
      for (int k = 0; k < shards; ++k) all.push_back(shard_values<T>(k, n));
      const auto share = comm::share_of(static_cast<std::uint64_t>(shards), world().rank(), world().size());
      std::vector<std::span<const T>> mine;
      for (std::uint64_t k = 0; k < share.count; ++k) mine.emplace_back(all[share.first + k]);

      std::vector<T> out(n, T{99});
      comm::reduce_canonical(world(), std::span<const std::span<const T>>(mine), shards, std::span<T>(out));
      const auto expected = serial_tree(all, 0, std::bit_ceil(static_cast<std::size_t>(shards)));
      ASSERT_EQ(0, n == 0 ? 0 : std::memcmp(out.data(), expected.data(), n * sizeof(T)))
          << n << " elements, " << shards << " shards";
    }
  }
}

TEST(CanonicalReduction, MayWriteOverTheFirstBuffer) {
  const std::size_t n = 30000;
  const int shards = 8;
  std::vector<std::vector<float>> all;
  for (int k = 0; k < shards; ++k) all.push_back(shard_values<float>(k, n));
  const auto expected = serial_tree(all, 0, 8);
  const auto share = comm::share_of(shards, world().rank(), world().size());
  std::vector<std::span<const float>> mine;
  for (std::uint64_t k = 0; k < share.count; ++k) mine.emplace_back(all[share.first + k]);
  comm::reduce_canonical(world(), mine, shards, std::span<float>(all[share.first]));
  EXPECT_EQ(all[share.first], expected);
}

TEST(CanonicalReduction, RefusesShardsThatDoNotFit) {
  std::vector<float> out(3), longer(4);
  const std::vector<std::span<const float>> wrong(static_cast<std::size_t>(world().size()) + 1, out);
  EXPECT_THROW(comm::reduce_canonical(world(), wrong, 1, out), CommError);
  EXPECT_THROW(comm::reduce_canonical(world(), {}, 0, out), CommError);
  const std::vector<std::span<const float>> uneven(1, longer);
  EXPECT_THROW(comm::reduce_canonical(world(), uneven, world().size(), out), CommError);
}

TEST(Sum, IsTheSameBitsOnEveryRankAndInEveryRun) {
  for (const std::size_t n : {std::size_t{1}, std::size_t{7}, std::size_t{5000}, std::size_t{300007}}) {
    std::vector<std::vector<float>> all;
    for (int r = 0; r < world().size(); ++r) all.push_back(shard_values<float>(r, n));
    const auto expected = serial_tree(all, 0, std::bit_ceil(all.size()));
    for (int repeat = 0; repeat < 3; ++repeat) {
      auto values = all[static_cast<std::size_t>(world().rank())];
      world().sum(std::span<float>(values));
      ASSERT_EQ(0, std::memcmp(values.data(), expected.data(), n * sizeof(float)));
    }
  }
}
