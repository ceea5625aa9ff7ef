#include "dltonic/core/thread_error.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace dltonic {
namespace {

TEST(ThreadError, IsThatOfTheLowestNumberWhoeverComesFirst) {
  ThreadError error;
  int well = 0;
#pragma omp parallel for schedule(dynamic) num_threads(4) reduction(+ : well)
  for (int i = 99; i >= 0; --i) {
    const bool went_well = error.keep(static_cast<std::size_t>(i), [&] {
      if (i % 10 == 3) throw std::runtime_error("part " + std::to_string(i));
    });
    well += went_well ? 1 : 0;
  }
  EXPECT_EQ(well, 90);
  try {
    error.rethrow();
    FAIL() << "nothing thrown";
  } catch (const std::runtime_error& thrown) {
    EXPECT_STREQ(thrown.what(), "part 3");
  }
}

TEST(ThreadError, IsNoneWhereAllWentWell) {
  ThreadError error;
  EXPECT_TRUE(error.keep(0, [] {}));
  EXPECT_NO_THROW(error.rethrow());
}

}  // namespace
}  // namespace dltonic
