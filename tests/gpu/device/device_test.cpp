#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <regex>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/device.h"
#include "dltonic/device/step.h"

namespace dltonic::device {
namespace {

TEST(Device, IsThereAndDescribed) {
  ASSERT_GT(count(), 0) << why_none();
  const Info gpu = info(0);
  EXPECT_FALSE(gpu.name.empty());
  EXPECT_GT(gpu.memory_bytes, std::size_t{1} << 30);
  EXPECT_GE(gpu.major, 7);
  EXPECT_EQ(std::count(gpu.bus.begin(), gpu.bus.end(), ':'), 2) << gpu.bus;
}

TEST(Buffer, BringsBackWhatWasSentAndIsCounted) {
  const Stream stream;
  std::vector<int> values(1000);
  std::iota(values.begin(), values.end(), -3);
  const std::size_t before = memory_use().now;
  {
    const auto buffer = uploaded(values, stream);
    EXPECT_EQ(memory_use().now, before + 4000);
    EXPECT_EQ(downloaded(buffer.data(), values.size(), stream), values);
  }
  EXPECT_EQ(memory_use().now, before);
  EXPECT_GE(memory_use().peak, before + 4000);
}

TEST(Buffer, TooLargeIsRefusedWithBothNumbers) {
  try {
    const Buffer<char> buffer(std::size_t{1} << 46);
    FAIL() << "64 TiB were given";
  } catch (const DeviceError& error) {
    const std::string line = error.what();
    EXPECT_NE(line.find("no room for another " + human_bytes(std::uint64_t{1} << 46)), std::string::npos) << line;
    EXPECT_TRUE(std::regex_search(line, std::regex("holds [0-9.]+ [kMG]?B, [0-9.]+ [MG]B are free"))) << line;
  }
  const Buffer<char> small(100);  // the failure does not stick
}

TEST(Steps, AGraphMovesTheClockAndReports) {
  const Stream stream;
  Steps steps;
  steps.set({.seed = 7, .step = 41, .updates = 30, .epoch = 3, .batch = 5, .learning_rate = 0.5f}, stream);
  const Graph graph(stream, [&] { steps.end(stream); });
  EXPECT_FALSE(steps.report(41));
  steps.wish({.save = true, .stop = false}, stream);
  constexpr int kLaunches = 150;  // more than the ring holds
  for (int i = 0; i < kLaunches; ++i) {
    graph.launch(stream);
    if (i % 50 == 49) stream.synchronize();
  }
  stream.synchronize();
  const auto report = steps.report(41 + kLaunches - 1);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->save, 1);
  EXPECT_EQ(report->stop, 0);
  EXPECT_EQ(report->loss, 0);
  EXPECT_FALSE(steps.report(41)) << "written over by now";
  EXPECT_EQ(downloaded(steps.sums(), 1, stream)[0].save, 1) << "for the step to come";
  const StepClock clock = downloaded(steps.clock(), 1, stream)[0];
  EXPECT_EQ(clock.step, 41 + kLaunches);
  EXPECT_EQ(clock.updates, 30 + kLaunches);
  EXPECT_EQ(clock.learning_rate, 0.5f) << "no other was given";
  EXPECT_EQ(clock.batch, 5u + kLaunches);
  EXPECT_EQ(clock.epoch, 3u);
  EXPECT_EQ(clock.seed, 7u);
}

TEST(Steps, EveryStepHasTheRateThatWasGivenForIt) {
  const Stream stream;
  Steps steps;
  const Graph graph(stream, [&] { steps.end(stream); });
  for (const std::size_t later : {std::size_t{3}, std::size_t{500}}) {  // the graph lives on where the table grows
    std::vector<float> rates(later);
    for (std::size_t i = 0; i < later; ++i) rates[i] = 1 / static_cast<float>(i + 2);
    steps.set({.step = 10, .learning_rate = 1}, stream, rates);
    for (std::size_t i = 0; i < later + 2; ++i) {
      const float expected = i == 0 ? 1 : rates[std::min(i, later) - 1];
      EXPECT_EQ(downloaded(steps.clock(), 1, stream)[0].learning_rate, expected) << i;
      graph.launch(stream);
    }
  }
}

TEST(Graph, AFailureWhileRecordingLeavesTheStreamUsable) {
  const Stream stream;
  EXPECT_THROW(Graph(stream, [] { throw DataError("no"); }), DataError);
  const Buffer<int> buffer(4);
  fill_zero(buffer.data(), buffer.bytes(), stream);
  stream.synchronize();
}

/// Sums ride as pairs of floats and come back but for what two floats cannot hold.
TEST(Steps, SumsTravelAsFloats) {
  Stream stream;
  Steps steps;
  steps.set({}, stream);
  Buffer<float> packed(Steps::kPacked);
  StepSums sums{.loss = 1234567.87654321, .correct = 16'777'217, .nonfinite = 2};
  copy(steps.sums(), &sums, sizeof sums, stream);
  steps.pack(packed.data(), stream);
  const auto floats = downloaded(packed.data(), packed.size(), stream);
  for (std::size_t i = 2 * StepSums::kSummed; i < floats.size(); ++i) EXPECT_EQ(floats[i], 0) << i;
  fill_zero(steps.sums(), sizeof sums, stream);
  steps.unpack(packed.data(), stream);
  StepSums back = downloaded(steps.sums(), 1, stream)[0];
  EXPECT_NEAR(back.loss, sums.loss, 1e-13 * sums.loss);
  EXPECT_EQ(back.correct, sums.correct);
  EXPECT_EQ(back.nonfinite, 2);
  sums.loss = std::numeric_limits<double>::infinity();
  copy(steps.sums(), &sums, sizeof sums, stream);
  steps.pack(packed.data(), stream);
  steps.unpack(packed.data(), stream);
  back = downloaded(steps.sums(), 1, stream)[0];
  EXPECT_EQ(back.loss, sums.loss);
}

}  // namespace
}  // namespace dltonic::device
