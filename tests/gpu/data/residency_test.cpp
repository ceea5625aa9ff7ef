#include "dltonic/data/residency.h"

#include <gtest/gtest.h>

#include <optional>

#include "device_batch.h"
#include "dltonic/device/device.h"

namespace dltonic::data {
namespace {

using namespace test;

constexpr int kGlobalBatch = 100, kShare = 33, kRank = 2, kRanks = 3;
constexpr std::int64_t kBatches = 12;

class ResidencyOnGpu : public testing::TestWithParam<Residency> {
 protected:
  const FrameShape shape{4, 34, 34};
  const FrameSet frames = random_frames(shape, 1234);
  const Augmentation augmentation{{.shift = 3, .flip_x = true, .drop = 0.1, .salt_pepper = 0.05}, shape, 11};
  device::Stream stream;
  device::Steps steps;

  DeviceFrames on_gpu() { return DeviceFrames(frames, {.residency = GetParam(), .shares = shares, .most_evaluated = 300}); }
  const EpochShares shares{frames.size(), kGlobalBatch, 0, kRank, kRanks};
  EpochOrder order(std::uint32_t epoch) const { return order_of(frames.size(), kGlobalBatch, epoch); }
  /// The rank's share of an epoch.
  std::vector<std::uint32_t> share_of(std::uint32_t epoch) const { return shares.trained_by_this(order(epoch)); }
};

TEST_P(ResidencyOnGpu, GivesTheHostsBatchesInEveryEpochWithEvaluationInBetween) {
  DeviceFrames gpu = on_gpu();
  EXPECT_EQ(gpu.residency(), GetParam());
  DeviceBatchBuffer buffer(shape.row_bits(), 300);
  for (const std::uint32_t epoch : {0u, 1u}) {
    const auto share = share_of(epoch);
    gpu.start_epoch(order(epoch), stream);
    // An epoch that is gone on with begins in its middle.
    const std::int64_t first_batch = epoch == 0 ? 0 : 5;
    steps.set({.epoch = epoch, .batch = static_cast<std::uint32_t>(first_batch)}, stream);
    for (std::int64_t b = first_batch; b < kBatches; ++b) {
      gpu.prepare_step(b, stream);
      for (const int first : {0, 20}) {  // micro-batches
        const int count = first == 0 ? 20 : kShare - 20;
        soil(buffer, stream);
        const auto batch = gpu.gather(steps.clock(), first, count, &augmentation, buffer, stream);
        const auto some =
            std::span(share).subspan(static_cast<std::size_t>(b * kShare + first), static_cast<std::size_t>(count));
        EXPECT_EQ(difference(batch_of_gpu(batch, shape.row_bits(), stream), batch_of_host(frames, some, &augmentation, epoch)),
                  "")
            << "epoch " << epoch << " batch " << b << " from " << first << " on";
      }
      if (b % 4 == 2) {
        std::vector<std::uint32_t> some(b == 2 ? 300 : 1);
        for (std::size_t i = 0; i < some.size(); ++i) some[i] = static_cast<std::uint32_t>((i * 31 + 1) % frames.size());
        soil(buffer, stream);
        const auto batch = gpu.gather(some, buffer, stream);
        EXPECT_EQ(difference(batch_of_gpu(batch, shape.row_bits(), stream), batch_of_host(frames, some, nullptr, 0)), "")
            << "evaluation after batch " << b;
      }
      steps.end(stream);
    }
  }
}

/// Nobody waits between launches: copies, gathers and the host run as far ahead as they may.
TEST_P(ResidencyOnGpu, ACapturedGraphGoesThroughTheEpochs) {
  DeviceFrames gpu = on_gpu();
  DeviceBatchBuffer buffer(shape.row_bits(), kShare);
  const std::size_t bits_bytes = shape.row_bits() * static_cast<std::size_t>(DeviceBatch::padded(kShare) / 8);
  const std::size_t label_bytes = static_cast<std::size_t>(DeviceBatch::padded(kShare)) * sizeof(std::uint16_t);
  constexpr std::uint32_t kEpochs = 3;
  device::Buffer<std::byte> seen_bits(kEpochs * kBatches * bits_bytes), seen_labels(kEpochs * kBatches * label_bytes);
  std::optional<device::Graph> graph;
  for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
    gpu.start_epoch(order(epoch), stream);
    steps.set({.step = epoch * kBatches, .epoch = epoch}, stream);
    for (std::int64_t b = 0; b < kBatches; ++b) {
      if (!graph) {
        graph.emplace(stream, [&] {
          gpu.gather(steps.clock(), 0, kShare, &augmentation, buffer, stream);
          steps.end(stream);
        });
      }
      gpu.prepare_step(b, stream);
      graph->launch(stream);
      const std::size_t step = static_cast<std::size_t>(epoch * kBatches + b);
      device::copy(seen_bits.data() + step * bits_bytes, buffer.bits(), bits_bytes, stream);
      device::copy(seen_labels.data() + step * label_bytes, buffer.labels(), label_bytes, stream);
    }
  }
  stream.synchronize();
  int failures = 0;
  for (std::uint32_t epoch = 0; epoch < kEpochs && failures < 5; ++epoch) {
    const auto share = share_of(epoch);
    for (std::int64_t b = 0; b < kBatches && failures < 5; ++b) {
      const std::size_t step = static_cast<std::size_t>(epoch * kBatches + b);
      const DeviceBatch batch{.bits = reinterpret_cast<const std::uint64_t*>(seen_bits.data() + step * bits_bytes),
                              .labels = reinterpret_cast<const std::uint16_t*>(seen_labels.data() + step * label_bytes),
                              .samples = kShare};
      const auto some = std::span(share).subspan(static_cast<std::size_t>(b) * kShare, kShare);
      const std::string wrong =
          difference(batch_of_gpu(batch, shape.row_bits(), stream), batch_of_host(frames, some, &augmentation, epoch));
      EXPECT_EQ(wrong, "") << "epoch " << epoch << " batch " << b;
      failures += !wrong.empty();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ResidencyOnGpu, testing::Values(Residency::replicate, Residency::shard, Residency::stream),
                         [](const auto& residency) { return name_of(residency.param); });

TEST(AutomaticResidency, IsChosenByFreeMemory) {
  const FrameSet frames = random_frames({1, 8, 8}, 1000);
  const DeviceFrames::Plan roomy{.shares = shares_of(20, 10)};
  EXPECT_EQ(DeviceFrames(frames, roomy).residency(), Residency::replicate);
  const DeviceFrames::Plan tight{.shares = shares_of(20, 10), .reserve_bytes = std::size_t{1} << 50};
  EXPECT_EQ(DeviceFrames::choose(frames, tight), Residency::stream);
  EXPECT_EQ(DeviceFrames(frames, tight).residency(), Residency::stream);
}

TEST(AutomaticResidency, TakesTheMemoryItSays) {
  const FrameSet frames = random_frames({1, 64, 64}, 2000);  // 512 bytes a row
  const auto bytes_of = [&](Residency residency) {
    const std::size_t before = device::memory_use().now;
    const DeviceFrames gpu(frames, {.residency = residency, .shares = shares_of(500, 50)});
    return device::memory_use().now - before - 2000 * sizeof(std::uint16_t) - 500 * sizeof(std::uint32_t);
  };
  EXPECT_EQ(bytes_of(Residency::replicate), 2000u * 512);
  EXPECT_EQ(bytes_of(Residency::shard), 500u * 512);
  EXPECT_EQ(bytes_of(Residency::stream), 100u * 512);
}

}  // namespace
}  // namespace dltonic::data
