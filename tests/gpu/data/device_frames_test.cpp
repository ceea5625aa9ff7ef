#include "dltonic/data/device_frames.h"

#include <gtest/gtest.h>

#include <iostream>

#include "device_batch.h"
#include "dltonic/core/error.h"

namespace dltonic::data {
namespace {

using namespace test;

struct NamedAugmentation {
  const char* name;
  AugmentationOptions options;
};
const NamedAugmentation kAugmentations[] = {
    {"none", {}},
    {"shift", {.shift = 3}},
    {"a shift beyond the frame", {.shift = 50}},
    {"flip_x", {.flip_x = true}},
    {"flip_y", {.flip_y = true}},
    {"drop", {.drop = 0.3}},
    {"salt_pepper", {.salt_pepper = 0.05}},
    {"salt_pepper of every bit", {.salt_pepper = 1}},
    {"all", {.shift = 4, .flip_x = true, .flip_y = true, .drop = 0.1, .salt_pepper = 0.2}},
};

/// Lines shorter than, as long as and longer than a word; rows of one word, and rows that end within one.
class GatherOfShape : public testing::TestWithParam<FrameShape> {};

TEST_P(GatherOfShape, EqualsTheHostsBatchBitForBit) {
  const FrameShape shape = GetParam();
  const int share = 512;
  const FrameSet frames = random_frames(shape, 1100);
  device::Stream stream;
  device::Steps steps;
  DeviceFrames on_gpu(frames, {.residency = Residency::replicate, .shares = shares_of(frames.size(), share)});
  DeviceBatchBuffer buffer(shape.row_bits(), share);
  for (const auto& [name, options] : kAugmentations) {
    const Augmentation augmentation(options, shape, 0x123456789ABCDEFull);
    int failures = 0;
    for (const std::uint32_t epoch : {0u, 3u}) {
      const EpochOrder order = order_of(frames.size(), share, epoch);
      on_gpu.start_epoch(order, stream);
      steps.set({.seed = 1, .epoch = epoch, .batch = epoch == 0 ? 0u : 1u}, stream);
      const auto mine = order.samples(epoch == 0 ? 0 : 1, {0, share});
      for (const int count : {1, 31, 32, 33, 100, 256, 300, 512}) {
        const int first = count == 512 ? 0 : static_cast<int>(epoch) * 7;
        soil(buffer, stream);
        const Augmentation* used = options.any() ? &augmentation : nullptr;
        const auto batch = on_gpu.gather(steps.clock(), first, count, used, buffer, stream);
        const auto some = mine.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
        const std::string wrong =
            difference(batch_of_gpu(batch, shape.row_bits(), stream), batch_of_host(frames, some, used, epoch));
        EXPECT_EQ(wrong, "") << name << ", " << count << " samples from " << first << " on, epoch " << epoch;
        if (!wrong.empty() && ++failures == 3) break;  // the others would say the same
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GatherOfShape,
                         testing::Values(FrameShape{2, 34, 34}, FrameShape{4, 34, 34}, FrameShape{10, 34, 34},
                                         FrameShape{20, 34, 34}, FrameShape{1, 20, 20}, FrameShape{3, 7, 5},
                                         FrameShape{2, 9, 33}, FrameShape{2, 9, 64}, FrameShape{2, 5, 100}, FrameShape{1, 1, 1},
                                         FrameShape{1, 1, 32}, FrameShape{3, 3, 31}, FrameShape{2, 9, 13, 16}),
                         [](const auto& shape) {
                           return cat(shape.param.channels, "x", shape.param.height, "x", shape.param.width);
                         });

TEST(Gather, OfMoreThanTheCardsBlocksIsTheSame) {  // several words a block
  const FrameShape shape{10, 34, 34};
  const FrameSet frames = random_frames(shape, 700);
  const int count = 20'001;
  std::vector<std::uint32_t> samples(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::uint32_t>(i * 37 % frames.size());
  device::Stream stream;
  DeviceFrames on_gpu(frames, {.residency = Residency::replicate, .most_evaluated = count});
  DeviceBatchBuffer buffer(shape.row_bits(), count);
  soil(buffer, stream);
  const auto batch = on_gpu.gather(samples, buffer, stream);
  EXPECT_EQ(difference(batch_of_gpu(batch, shape.row_bits(), stream), batch_of_host(frames, samples, nullptr, 0)), "");
}

TEST(Gather, SaysWhatDoesNotFit) {
  const FrameSet frames = random_frames({1, 5, 5}, 100);
  device::Stream stream;
  device::Steps steps;
  DeviceFrames on_gpu(frames, {.shares = shares_of(100, 40), .most_evaluated = 10});
  DeviceBatchBuffer small(25, 30), narrow(24, 40);
  const EpochOrder order = order_of(100, 40, 0);
  EXPECT_THROW(on_gpu.start_epoch(order_of(100, 30, 0), stream), DeviceError);  // 3 batches, made for 2
  EXPECT_THROW(on_gpu.gather(steps.clock(), 0, 31, nullptr, small, stream), DeviceError);
  EXPECT_THROW(on_gpu.gather(steps.clock(), 20, 21, nullptr, small, stream), DeviceError);  // 41 of a share of 40
  EXPECT_THROW(on_gpu.gather(steps.clock(), 0, 1, nullptr, narrow, stream), DeviceError);
  EXPECT_THROW(on_gpu.gather(order.all().first(11), small, stream), DeviceError);
}

/// Prints what a training batch takes; the bound is ten times what is asked for.
TEST(Gather, OfATrainingBatchIsQuick) {
  const FrameShape shape{2, 34, 34};
  const int count = 512, launches = 50;
  const FrameSet frames = random_frames(shape, 20'000);
  device::Stream stream;
  device::Steps steps;
  DeviceFrames on_gpu(frames, {.residency = Residency::replicate, .shares = shares_of(frames.size(), count)});
  DeviceBatchBuffer buffer(shape.row_bits(), count);
  on_gpu.start_epoch(order_of(frames.size(), count, 0), stream);
  for (const auto& [name, options] : kAugmentations) {
    const Augmentation augmentation(options, shape, 7);
    steps.set({}, stream);
    const device::Graph graph(stream, [&] {
      on_gpu.gather(steps.clock(), 0, count, options.any() ? &augmentation : nullptr, buffer, stream);
      steps.end(stream);
    });
    const device::Graph clock_alone(stream, [&] { steps.end(stream); });
    double us[2] = {};
    for (const bool with_gather : {false, true}) {
      for (int round = 0; round < 5; ++round) {
        steps.set({}, stream);
        device::Event begin(true), end(true);
        begin.record(stream);
        for (int i = 0; i < 39; ++i) (with_gather ? graph : clock_alone).launch(stream);
        end.record(stream);
        end.synchronize();
        const double each = end.milliseconds_since(begin) * 1e3 / 39;
        us[with_gather] = round == 0 ? each : std::min(us[with_gather], each);
      }
    }
    // Back to back in one graph: what the kernel itself takes.
    steps.set({}, stream);
    const device::Graph many(stream, [&] {
      for (int i = 0; i < launches; ++i) {
        on_gpu.gather(steps.clock(), 0, count, options.any() ? &augmentation : nullptr, buffer, stream);
      }
    });
    double kernel_us = 1e9;
    for (int round = 0; round < 5; ++round) {
      device::Event begin(true), end(true);
      begin.record(stream);
      many.launch(stream);
      end.record(stream);
      end.synchronize();
      kernel_us = std::min(kernel_us, end.milliseconds_since(begin) * 1e3 / launches);
    }
    std::cout << "  gather 512 x 2312, " << name << ": " << fixed(kernel_us, 2) << " us each back to back; a graph with it "
              << fixed(us[1], 2) << " us, without " << fixed(us[0], 2) << " us\n";
    EXPECT_LT(kernel_us, 150) << name;
  }
}

}  // namespace
}  // namespace dltonic::data
