#include "dltonic/train/schedule.h"

#include <gtest/gtest.h>

#include "dltonic/core/error.h"
#include "unit/train/torch_rates.h"

namespace dltonic::train {
namespace {

constexpr int kBatches = 5, kEpochs = 12;

ScheduleOptions options_of(const std::string& row) {
  ScheduleOptions o;
  o.kind = row == "warm_cosine" ? "cosine" : row;
  if (row == "step") o.every_epochs = 3, o.gamma = 0.5;
  if (row == "multi_step") o.milestones = {2, 7, 7, 10}, o.gamma = 0.3;
  if (row == "exponential") o.gamma = 0.9;
  if (row == "cosine") o.final_factor = 0.1;
  if (row == "polynomial") o.power = 2;
  if (row == "one_cycle") o.first_factor = 1.0 / 25, o.final_factor = o.first_factor / 40;
  if (row == "warm_cosine") o.warmup_epochs = 8.0 / kBatches, o.warmup_from = 0.2;
  return o;
}

class TorchSchedule : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Kinds, TorchSchedule,
                         testing::Values("step", "multi_step", "exponential", "cosine", "polynomial", "one_cycle",
                                         "warm_cosine"),
                         [](const auto& test) { return test.param; });

TEST_P(TorchSchedule, IsTheSameHere) {
  const Schedule schedule(options_of(GetParam()), 0.1, kBatches, kEpochs);
  const auto& expected = kTorchRates.at(GetParam());
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(kBatches * kEpochs));
  for (std::size_t step = 0; step < expected.size(); ++step)
    EXPECT_NEAR(schedule.rate(static_cast<std::int64_t>(step)), expected[step], 1e-9) << step;
  EXPECT_EQ(schedule.rate(1000), schedule.rate(kBatches * kEpochs - 1));
}

class EverySchedule : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Kinds, EverySchedule,
                         testing::Values("constant", "step", "multi_step", "exponential", "cosine", "one_cycle", "polynomial",
                                         "plateau"),
                         [](const auto& test) { return test.param; });

TEST_P(EverySchedule, CanWarmUp) {
  ScheduleOptions o = options_of(GetParam());
  o.warmup_epochs = 2;
  o.warmup_from = 0.1;
  const Schedule schedule(o, 0.2, kBatches, kEpochs);
  for (int step = 0; step < 10; ++step) EXPECT_NEAR(schedule.rate(step), 0.2 * (0.1 + 0.9 * step / 10), 1e-12);
  for (int step = 10; step < kBatches * kEpochs; ++step) {
    EXPECT_GE(schedule.rate(step), 0);
    EXPECT_LE(schedule.rate(step), 0.2 * (1 + 1e-12));
  }
}

TEST(Schedule, RefusesWhatCannotBe) {
  ScheduleOptions o;
  o.warmup_epochs = 12;
  EXPECT_THROW(Schedule(o, 0.1, kBatches, kEpochs), ConfigError);
  o = {};
  o.kind = "multi_step";
  EXPECT_THROW(Schedule(o, 0.1, kBatches, kEpochs), ConfigError);
  o.milestones = {5, 3};
  EXPECT_THROW(Schedule(o, 0.1, kBatches, kEpochs), ConfigError);
  o.kind = "one_cycle";
  EXPECT_THROW(Schedule(o, 0.1, 1, 3), ConfigError);
}

}  // namespace
}  // namespace dltonic::train
