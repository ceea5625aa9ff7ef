/// Ranks that see no GPU, in any build and on any machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "dltonic/comm/gpu.h"
#include "dltonic/core/error.h"
#include "support/mpi_world.h"

using namespace dltonic;
using namespace dltonic::comm;
using dltonic::test::world;
using testing::HasSubstr;

namespace {
[[maybe_unused]] const int hidden = ::setenv("CUDA_VISIBLE_DEVICES", "", 1);  // before CUDA looks
}

TEST(NoGpu, IsToldToAllRanksWithTheReason) {
  ASSERT_EQ(device::count(), 0);
  try {
    choose_gpu(world(), true);
    FAIL() << "there is no GPU";
  } catch (const DeviceError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), HasSubstr("host " + world().host() + " shows this rank no GPU: " + device::why_none()));
  }
}

TEST(NoGpu, NcclIsLoadedWithoutOne) {
  EXPECT_THAT(nccl_version(), testing::AnyOf(testing::StartsWith("NCCL 2."), "this build has no NCCL"));
}

TEST(NoGpu, OneRankNeedsNoReducerAndRanksThatShareHaveNone) {
  Gpu gpu;
  gpu.shared = world().size() > 1;
  GpuReducer reducer(world(), gpu, 5);
  float nowhere = 3;
  if (world().size() == 1) {
    EXPECT_TRUE(reducer.available());
    reducer.all_reduce(&nowhere, 1, nullptr);
    EXPECT_EQ(nowhere, 3);
  } else {
    EXPECT_FALSE(reducer.available());
    EXPECT_THAT(reducer.why_not(), HasSubstr("share a GPU"));
    EXPECT_THROW(reducer.all_reduce(&nowhere, 1, nullptr), CommError);
  }
  EXPECT_EQ(reducer.size(), world().size());
}
