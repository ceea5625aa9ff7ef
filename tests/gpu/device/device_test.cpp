#include <gtest/gtest.h>

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
  steps.set({.seed = 7, .step = 41, .epoch = 3, .batch = 5, .learning_rate = 0.5f}, stream);
  const Graph graph(stream, [&] { steps.end(stream); });
  EXPECT_FALSE(steps.report(41));
  steps.wish(2, stream);
  constexpr int kLaunches = 150;  // more than the ring holds
  for (int i = 0; i < kLaunches; ++i) {
    graph.launch(stream);
    if (i % 50 == 49) stream.synchronize();
  }
  stream.synchronize();
  const auto report = steps.report(41 + kLaunches - 1);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->wish, 2);
  EXPECT_EQ(report->loss, 0);
  EXPECT_FALSE(steps.report(41)) << "written over by now";
  EXPECT_EQ(downloaded(steps.sums(), 1, stream)[0].wish, 2) << "for the step to come";
  const StepClock clock = downloaded(steps.clock(), 1, stream)[0];
  EXPECT_EQ(clock.step, 41 + kLaunches);
  EXPECT_EQ(clock.batch, 5u + kLaunches);
  EXPECT_EQ(clock.epoch, 3u);
  EXPECT_EQ(clock.seed, 7u);
}

TEST(Graph, AFailureWhileRecordingLeavesTheStreamUsable) {
  const Stream stream;
  EXPECT_THROW(Graph(stream, [] { throw DataError("no"); }), DataError);
  const Buffer<int> buffer(4);
  fill_zero(buffer.data(), buffer.bytes(), stream);
  stream.synchronize();
}

}  // namespace
}  // namespace dltonic::device
