#include "data/gpu/batch_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

namespace dltonic::data {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

/// at_once, batches of an epoch, where a run begins.
class BatchRings : public testing::TestWithParam<std::tuple<std::size_t, std::size_t, std::size_t>> {};

TEST_P(BatchRings, BringEachBatchOnceBeforeItsStepAndOverwriteNoneThatIsToBeRead) {
  const auto [at_once, batches, begin] = GetParam();
  constexpr std::size_t kEpochs = 100;
  BatchRing ring(at_once, batches, kEpochs);
  ASSERT_EQ(ring.slots(), 2 * at_once);
  std::vector<std::size_t> holds(ring.slots(), kNone);  // batch in each slot
  std::vector<std::size_t> fetch_in(ring.slots(), kNone);
  std::size_t fetches = 0;
  // A run of some epochs, one that goes on elsewhere in an epoch, one that starts again, and the last epochs.
  for (const std::size_t first : {begin, begin + 5 * batches + 1, std::size_t{0}, (kEpochs - 3) * batches}) {
    std::fill(holds.begin(), holds.end(), kNone);
    std::vector<std::size_t> fetch_of(first + 5 * batches + 2 * ring.slots(), 0);
    std::size_t next = first, waited = 0;
    for (std::size_t running = first; running < first + 3 * batches; ++running) {
      for (auto come = ring.next(running); come.count > 0; come = ring.next(running)) {
        ASSERT_EQ(come.first, next) << "in their order, each once";
        ASSERT_LE(come.count, at_once);
        ASSERT_LE(come.slot + come.count, ring.slots()) << "in one piece";
        ASSERT_EQ(come.first / batches, (come.first + come.count - 1) / batches) << "of one epoch";
        ASSERT_LE(come.first / batches, running / batches + 1) << "whose order is known";
        fetch_in[come.slot] = ++fetches;
        for (std::size_t b = come.first; b < come.first + come.count; ++b) {
          ASSERT_EQ(b % ring.slots(), come.slot + (b - come.first));
          ASSERT_TRUE(holds[b % ring.slots()] == kNone || holds[b % ring.slots()] < running)
              << "batch " << holds[b % ring.slots()] << " is still to be read";
          holds[b % ring.slots()] = b;
          fetch_of[b] = fetches;
        }
        next += come.count;
      }
      ASSERT_EQ(holds[running % ring.slots()], running);
      if (const auto slot = ring.waited_for(running)) {
        waited = fetch_in[*slot];
        EXPECT_EQ(waited, fetch_of[running]);
      }
      ASSERT_GE(waited, fetch_of[running]) << "nobody waited for it";
      ASSERT_GE(next, std::min({running + 1 + at_once, (running / batches + 2) * batches, kEpochs * batches}))
          << "others are on their way";
      ASSERT_LE(next, kEpochs * batches) << "of an epoch that never comes";
      ASSERT_EQ(ring.waited_for(running), std::nullopt);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, BatchRings,
                         testing::Combine(testing::Values(1, 2, 3, 16), testing::Values(1, 2, 5, 37, 100),
                                          testing::Values(0, 1, 4, 37)));

}  // namespace
}  // namespace dltonic::data
