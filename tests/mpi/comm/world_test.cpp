#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>

#include "comm/world_impl.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "support/mpi_world.h"

using namespace dltonic;
using test::world;

TEST(World, KnowsItsRanks) {
  EXPECT_EQ(world().sum(std::int64_t{world().rank()}), world().size() * (world().size() - 1) / 2);
  EXPECT_GE(world().local_rank(), 0);
  EXPECT_LT(world().local_rank(), world().local_size());
  EXPECT_LE(world().local_size(), world().size());
  EXPECT_FALSE(world().host().empty());
  EXPECT_TRUE(world().thread_multiple());
}

TEST(World, ChoosesRomioWhereTheUserChoseNothing) { EXPECT_STREQ(std::getenv("OMPI_MCA_io"), "^ompio"); }

TEST(World, SumsScalars) {
  const int n = world().size();
  EXPECT_DOUBLE_EQ(world().sum(0.5 + world().rank()), 0.5 * n + n * (n - 1) / 2.0);
  std::vector<std::int64_t> counts(100, std::int64_t{1} << 40);
  world().sum(std::span<std::int64_t>(counts));
  EXPECT_THAT(counts, testing::Each((std::int64_t{1} << 40) * n));
}

TEST(World, MaximumSeesANaNOnAnyRank) {
  EXPECT_EQ(world().max(static_cast<double>(world().rank())), world().size() - 1);
  EXPECT_EQ(world().max(-std::numeric_limits<double>::infinity()), -std::numeric_limits<double>::infinity());
  const bool last = world().rank() == world().size() - 1;
  EXPECT_TRUE(std::isnan(world().max(last ? std::nan("") : 1.0)));
}

TEST(World, GathersTextByRankAndEmptyTextsToo) {
  const auto texts = world().gather(std::string(static_cast<std::size_t>(world().rank()), 'x'));
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(world().size()));
  for (std::size_t r = 0; r < texts.size(); ++r) EXPECT_EQ(texts[r], std::string(r, 'x'));
}

TEST(World, BroadcastsFromAnyRank) {
  for (int root = 0; root < world().size(); ++root) {
    EXPECT_EQ(world().broadcast(world().rank() == root ? cat("from ", root, std::string("\0!", 2)) : "mine", root),
              cat("from ", root, std::string("\0!", 2)));
  }
  EXPECT_EQ(world().broadcast(""), "");
}

TEST(World, OffsetsAreExclusivePrefixSums) {
  const auto offset = world().offset(static_cast<std::uint64_t>(10 + world().rank()));
  std::uint64_t before = 0, total = 0;
  for (int r = 0; r < world().size(); ++r) {
    if (r < world().rank()) before += 10 + static_cast<std::uint64_t>(r);
    total += 10 + static_cast<std::uint64_t>(r);
  }
  EXPECT_EQ(offset.before, before);
  EXPECT_EQ(offset.total, total);
}

TEST(World, LongMessagesGoInPieces) {
  // The path of messages beyond 1 GiB, with pieces of 1000 bytes.
  const std::vector<std::byte> mine(static_cast<std::size_t>(2500 * world().rank() + 7),
                                    static_cast<std::byte>(world().rank() + 1));
  std::vector<std::uint64_t> lengths;
  const auto all = comm::gather_bytes(world().impl(), mine, &lengths, 1000);
  EXPECT_EQ(all, world().gather_bytes(mine));
  std::size_t at = 0;
  for (int r = 0; r < world().size(); ++r) {
    ASSERT_EQ(lengths[static_cast<std::size_t>(r)], static_cast<std::uint64_t>(2500 * r + 7));
    for (std::uint64_t i = 0; i < lengths[static_cast<std::size_t>(r)]; ++i)
      ASSERT_EQ(all[at++], static_cast<std::byte>(r + 1));
  }
  EXPECT_EQ(at, all.size());
}

TEST(World, ASecondOneWorksBesideTheFirstFromAnotherThread) {
  const auto beside = world().beside();
  EXPECT_EQ(beside->rank(), world().rank());
  EXPECT_EQ(beside->size(), world().size());
  std::int64_t wrong = 0;
  std::string failure;
  std::thread other([&] {
    for (std::int64_t i = 0; i < 200; ++i) {
      wrong += beside->sum(i) != i * beside->size();
      wrong += beside->broadcast(std::to_string(beside->is_root() ? i : -1)) != std::to_string(i);
      try {
        beside->agree("a trial", [&] {
          if (i % 50 == 0 && beside->rank() == beside->size() - 1) throw StorageError("full");
        });
        wrong += i % 50 == 0;
      } catch (const StorageError& error) {
        failure = error.what();
        wrong += i % 50 != 0;
      }
    }
  });
  std::int64_t wrong_here = 0;
  for (std::int64_t i = 0; i < 2000; ++i) wrong_here += world().sum(3 * i) != 3 * i * world().size();
  other.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(wrong_here, 0);
  EXPECT_THAT(failure, testing::EndsWith("full"));
}

TEST(ShareOf, IsContiguousCompleteAndEven) {
  for (const std::uint64_t n : {0, 1, 2, 3, 7, 100, 101}) {
    for (int size = 1; size < 9; ++size) {
      std::uint64_t next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const auto share = comm::share_of(n, rank, size);
        EXPECT_EQ(share.first, next);
        EXPECT_LE(share.count, n / static_cast<std::uint64_t>(size) + 1);
        EXPECT_GE(share.count, n / static_cast<std::uint64_t>(size));
        next += share.count;
      }
      EXPECT_EQ(next, n);
    }
  }
}
