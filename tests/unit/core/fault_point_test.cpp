#include "dltonic/core/fault_point.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"

using namespace dltonic;

namespace {

/// The wish is read once a process: every case has one of its own. Ends with the number of points that were passed, or 100
/// after an Error, 101 after a StorageError, 102 after a ConfigError.
[[noreturn]] void pass_points(const char* wish) {
  ::setenv("DLTONIC_FAIL_AT", wish, 1);
  set_fault_rank(1);
  int passed = 0;
  try {
    set_fault_step(4);
    fail_at(fault::kBeforeWrite), ++passed;
    fail_at(fault::kBeforeRename, 3), ++passed;
    set_fault_step(5);
    fail_at(fault::kBeforeWrite), ++passed;
  } catch (const StorageError&) {
    std::_Exit(101);
  } catch (const ConfigError&) {
    std::_Exit(102);
  } catch (const Error&) {
    std::_Exit(100);
  }
  std::_Exit(passed);
}

}  // namespace

TEST(FaultPoint, FiresAtItsPointRankAndStepAlone) {
  ASSERT_TRUE(has_fault_points()) << "tests are built with DLTONIC_FAULT_POINTS";
  const auto ends = testing::ExitedWithCode(3);
  EXPECT_EXIT(pass_points(""), ends, "");
  EXPECT_EXIT(pass_points("before_write:0:5:kill;before_write:1:6:kill;before_rename:1:4:kill;loader:*:*:kill"), ends, "");
  EXPECT_EXIT(pass_points("before_write:1:5:kill"), testing::KilledBySignal(SIGKILL), "before_write, step 5: kill");
  EXPECT_EXIT(pass_points("before_rename:*:3:throw"), testing::ExitedWithCode(100), "before_rename, step 3");
  EXPECT_EXIT(pass_points("in_collective:1:5:throw;before_write:*:*:storage"), testing::ExitedWithCode(101), "step 4: storage");
  const Stopwatch watch;
  EXPECT_EXIT(pass_points("before_rename:1:*:sleep=0.2"), ends, "");
  EXPECT_GE(watch.seconds(), 0.2);
}

TEST(FaultPoint, ANaNIsPutWhereThereAreNumbers) {
  const auto asked = [](const char* wish) {
    ::setenv("DLTONIC_FAIL_AT", wish, 1);
    set_fault_rank(1);
    set_fault_step(4);
    try {
      std::_Exit(nan_at(fault::kGradients) + 2 * nan_at(fault::kParameters) + 4 * nan_at(fault::kGradients, 5));
    } catch (const Error&) {
      std::_Exit(100);
    }
  };
  EXPECT_EXIT(asked("gradients:1:4:nan"), testing::ExitedWithCode(1), "gradients, step 4: nan");
  EXPECT_EXIT(asked("gradients:0:4:nan;parameters:1:*:nan"), testing::ExitedWithCode(2), "parameters");
  EXPECT_EXIT(asked("gradients:1:5:throw"), testing::ExitedWithCode(100), "step 5: throw");
  EXPECT_EXIT(pass_points("before_write:*:*:nan"), testing::ExitedWithCode(102), "") << "no numbers there";
}

TEST(FaultPoint, AWishThatCannotBeReadIsSaid) {
  for (const char* wish : {"before_write", "before_write:1:5", "before_write:one:5:kill", "before_write:1:5:explode"})
    EXPECT_EXIT(pass_points(wish), testing::ExitedWithCode(102), "") << wish;
}
