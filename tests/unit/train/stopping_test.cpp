#include "dltonic/train/stopping.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

#include "dltonic/core/error.h"

namespace dltonic::train {
namespace {

TEST(Patience, WaitsFromTheBestOn) {
  Patience patience;
  const double values[] = {0.5, 0.6, 0.605, 0.6, 0.62, 0.7};
  const std::int64_t waited[] = {0, 0, 1, 2, 0, 0};  // 0.605 is not 0.01 better than 0.6, 0.62 is
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(patience.observe(Better::higher, values[i], 0.01), waited[i] == 0) << i;
    EXPECT_EQ(patience.waited, waited[i]) << i;
  }
  EXPECT_EQ(patience.best, 0.7);
}

TEST(Patience, NothingIsWorseThanNotANumber) {
  Patience patience;
  EXPECT_FALSE(patience.observe(Better::lower, std::nan(""), 0));
  EXPECT_TRUE(patience.observe(Better::lower, 3, 0));
  EXPECT_FALSE(patience.observe(Better::lower, std::nan(""), 0));
  EXPECT_EQ(patience.best, 3);
}

TEST(EarlyStopping, ModeOverrulesTheMetricsOwn) {
  EarlyStoppingOptions options;
  options.monitor = "loss";
  EXPECT_EQ(options.better(), Better::lower);
  options.mode = "max";
  EXPECT_EQ(options.better(), Better::higher);
  options.monitor = "f1_macro";
  options.mode = "auto";
  EXPECT_EQ(options.better(), Better::higher);
}

TEST(Walltime, IsReadAsSlurmWritesIt) {
  const std::pair<const char*, double> cases[] = {{"30", 1800},     {"30:15", 1815},     {"1:30:00", 5400},
                                                  {"2-12", 216000}, {"2-12:30", 217800}, {"1-00:00:05", 86405},
                                                  {"0", 0},         {"90:00:00", 324000}};
  for (const auto& [text, seconds] : cases) EXPECT_EQ(walltime_left_s(text), seconds) << text;
  for (const char* text : {"1h", "1:2:3:4", "-5", "1.5", ":30"}) EXPECT_THROW(walltime_left_s(text), ConfigError) << text;
}

TEST(Walltime, IsTakenFromTheJobWhereNothingIsSaid) {
  ::unsetenv("SLURM_JOB_END_TIME");
  EXPECT_FALSE(walltime_left_s(""));
  ::setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + 600).c_str(), 1);
  EXPECT_NEAR(walltime_left_s("").value(), 600, 2);
  EXPECT_EQ(walltime_left_s("5"), 300);
  ::unsetenv("SLURM_JOB_END_TIME");
}

}  // namespace
}  // namespace dltonic::train
