#include "comm/gpu_map.h"

#include <gtest/gtest.h>

using dltonic::comm::first_shared;

TEST(GpuMap, RanksWithGpusOfTheirOwnShareNothing) {
  EXPECT_EQ(first_shared({{"0 0000:1B:00.0"}, {"a"}}), "");
  // The same address on another host is another GPU.
  EXPECT_EQ(first_shared({{"0 0000:1B:00.0", "0 0000:1C:00.0", "2 0000:1B:00.0"}, {"a", "b", "c"}}), "");
}

TEST(GpuMap, NamesEveryRankOfASharedGpu) {
  EXPECT_EQ(first_shared({{"0 x", "0 y", "0 y"}, {"host n1, GPU 0", "host n1, GPU 1", "host n1, GPU 1"}}),
            "ranks 1 and 2 share host n1, GPU 1");
  EXPECT_EQ(first_shared({{"0 x", "0 x", "0 x", "3 x"}, {"a", "a", "a", "b"}}), "ranks 0, 1 and 2 share a");
}
