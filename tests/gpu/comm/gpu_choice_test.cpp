/// Suites by what the launcher shows the ranks; tests/gpu/comm/CMakeLists.txt starts each where it belongs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "dltonic/comm/gpu.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/device/buffer.h"
#include "support/mpi_world.h"

using namespace dltonic;
using namespace dltonic::comm;
using dltonic::test::world;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

/// What a buffer of the calling thread's GPU gives back: the GPU in use works.
float through_the_gpu(float value) {
  const device::Stream stream;
  return device::downloaded(device::uploaded(std::vector<float>{value}, stream).data(), 1, stream).at(0);
}

}  // namespace

/// As many GPUs as ranks, shown to every rank or one to each.
TEST(OwnGpu, EveryRankHasAnother) {
  const Gpu gpu = choose_gpu(world(), false);
  EXPECT_FALSE(gpu.shared);
  EXPECT_EQ(gpu.index, device::count() == 1 ? 0 : world().local_rank());
  EXPECT_EQ(gpu.info.bus, device::info(gpu.index).bus);
  EXPECT_THAT(gpu.info.bus, HasSubstr(":"));
  const auto buses = world().gather(gpu.info.bus);
  EXPECT_EQ(std::set(buses.begin(), buses.end()).size(), buses.size()) << join(buses);
  EXPECT_EQ(through_the_gpu(2.5F), 2.5F);
}

TEST(OwnGpu, LeaveToShareChangesNothing) {
  const Gpu own = choose_gpu(world(), false), allowed = choose_gpu(world(), true);
  EXPECT_EQ(own.index, allowed.index);
  EXPECT_FALSE(allowed.shared);
}

/// Two ranks that see one GPU.
TEST(SharedGpu, IsRefusedOnAllRanks) {
  ASSERT_EQ(device::count(), 1);
  ASSERT_EQ(world().size(), 2);
  try {
    choose_gpu(world(), false);
    FAIL() << "two ranks share a GPU";
  } catch (const ConfigError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), AllOf(StartsWith("ranks 0 and 1 share host "), HasSubstr("GPU 0"), HasSubstr(device::info(0).bus),
                                    HasSubstr("distributed.share_gpu=true")));
  }
}

TEST(SharedGpu, IsUsedWhereAskedForAndWithoutNccl) {
  const Gpu gpu = choose_gpu(world(), true);
  EXPECT_TRUE(gpu.shared);
  EXPECT_EQ(gpu.index, 0);
  EXPECT_EQ(through_the_gpu(1.5F), 1.5F);

  GpuReducer reducer(world(), gpu, 20);
  EXPECT_FALSE(reducer.available());
  EXPECT_THAT(reducer.why_not(), HasSubstr("share a GPU"));
  EXPECT_EQ(reducer.size(), 2);
  float* const nowhere = nullptr;
  EXPECT_THROW(reducer.all_reduce(nowhere, 1, nullptr), CommError);
}
