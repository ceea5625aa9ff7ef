/// Ranks with a GPU each, whose rows change GPUs between epochs.
#include <gtest/gtest.h>

#include "device_batch.h"
#include "dltonic/data/device_frames.h"
#include "dltonic/device/device.h"
#include "support/mpi_world.h"

namespace dltonic::data {
namespace {

using namespace data::test;
using dltonic::test::world;

class ExchangeOnGpus : public testing::Test {
 protected:
  static constexpr std::uint64_t kBatch = 101;  // uneven over two ranks
  const FrameShape shape{4, 34, 34};
  const FrameSet frames = random_frames(shape, 1234);  // 12 batches, 22 samples dropped
  const std::size_t row_bytes = frames.bits.row_words() * sizeof(std::uint64_t);
  const EpochShares shares{frames.size(), kBatch, 0, world().rank(), world().size()};
  const Augmentation augmentation{{.shift = 3, .flip_x = true, .drop = 0.1, .salt_pepper = 0.05}, shape, 11};
  comm::GpuReducer gpus{world(), comm::choose_gpu(world(), false), 30};
  device::Stream stream;
  device::Steps steps;

  DeviceFrames sharded(std::size_t round_bytes) {
    return DeviceFrames(
        frames,
        {.residency = Residency::shard, .shares = shares, .gpus = &gpus, .round_bytes = round_bytes, .most_evaluated = 300});
  }
  /// All batches of an epoch from `first` on, beside those of the host.
  void expect_epoch(DeviceFrames& gpu, std::uint32_t epoch, std::int64_t first = 0) {
    const EpochOrder order = order_of(frames.size(), kBatch, epoch);
    const auto mine = shares.trained_by_this(order);
    const auto share = static_cast<std::size_t>(shares.share());
    DeviceBatchBuffer buffer(shape.row_bits(), 300);
    gpu.start_epoch(order, stream);
    steps.set({.epoch = epoch, .batch = static_cast<std::uint32_t>(first)}, stream);
    for (auto b = first; b < static_cast<std::int64_t>(order.batches()); ++b) {
      gpu.prepare_step(b, stream);
      soil(buffer, stream);
      const auto batch = gpu.gather(steps.clock(), 0, shares.share(), &augmentation, buffer, stream);
      const auto samples = std::span(mine).subspan(static_cast<std::size_t>(b) * share, share);
      ASSERT_EQ(difference(batch_of_gpu(batch, shape.row_bits(), stream), batch_of_host(frames, samples, &augmentation, epoch)),
                "")
          << "epoch " << epoch << ", batch " << b << ", rank " << world().rank();
      steps.end(stream);
    }
  }
};

TEST_F(ExchangeOnGpus, BatchesAreTheHostsInEveryEpoch) {
  for (const std::size_t round_rows : {std::size_t{1'000'000}, std::size_t{50}, std::size_t{1}}) {
    DeviceFrames gpu = sharded(round_rows * row_bytes);
    for (const std::uint32_t epoch : {0u, 1u, 2u, 3u}) expect_epoch(gpu, epoch);
    // Evaluation in between, and a run that goes on elsewhere: in the middle of an epoch, in an earlier one.
    std::vector<std::uint32_t> some(300);
    for (std::size_t i = 0; i < some.size(); ++i) some[i] = static_cast<std::uint32_t>((i * 31 + 1) % frames.size());
    DeviceBatchBuffer buffer(shape.row_bits(), 300);
    soil(buffer, stream);
    const auto batch = gpu.gather(some, buffer, stream);
    EXPECT_EQ(difference(batch_of_gpu(batch, shape.row_bits(), stream), batch_of_host(frames, some, nullptr, 0)), "");
    expect_epoch(gpu, 7, 5);
    expect_epoch(gpu, 7);
    expect_epoch(gpu, 2);
  }
}

/// The host's rows are gone after the first epoch, and nobody misses them.
TEST_F(ExchangeOnGpus, ReadsHostMemoryOnce) {
  FrameSet copy = frames;
  DeviceFrames gpu(copy, {.residency = Residency::shard, .shares = shares, .gpus = &gpus});
  expect_epoch(gpu, 0);
  for (std::size_t s = 0; s < copy.size(); ++s) {
    for (std::uint64_t& word : copy.bits.row(s)) word = ~word;
  }
  expect_epoch(gpu, 1);
  expect_epoch(gpu, 2);
}

/// Nothing waits between an exchange and the steps around it.
TEST_F(ExchangeOnGpus, AGraphGoesThroughTheEpochs) {
  DeviceFrames gpu = sharded(100 * row_bytes);
  const int share = shares.share();
  DeviceBatchBuffer buffer(shape.row_bits(), share);
  const std::size_t bytes = shape.row_bits() * static_cast<std::size_t>(DeviceBatch::padded(share) / 8);
  const auto batches = static_cast<std::size_t>(shares.batches());
  constexpr std::uint32_t kEpochs = 4;
  device::Buffer<std::byte> seen(kEpochs * batches * bytes);
  device::Graph graph;
  for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
    gpu.start_epoch(order_of(frames.size(), kBatch, epoch), stream);
    steps.set({.epoch = epoch}, stream);
    if (!graph) {
      graph = device::Graph(stream, [&] {
        gpu.gather(steps.clock(), 0, share, &augmentation, buffer, stream);
        steps.end(stream);
      });
    }
    for (std::size_t b = 0; b < batches; ++b) {
      graph.launch(stream);
      device::copy(seen.data() + (epoch * batches + b) * bytes, buffer.bits(), bytes, stream);
    }
  }
  stream.synchronize();
  EXPECT_GT(gpu.start_ms(), 0);
  for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto mine = shares.trained_by_this(order_of(frames.size(), kBatch, epoch));
    for (std::size_t b = 0; b < batches; ++b) {
      const auto found = device::downloaded(reinterpret_cast<const std::uint64_t*>(seen.data() + (epoch * batches + b) * bytes),
                                            bytes / sizeof(std::uint64_t), stream);
      const auto samples = std::span(mine).subspan(b * static_cast<std::size_t>(share), static_cast<std::size_t>(share));
      ASSERT_EQ(found, batch_of_host(frames, samples, &augmentation, epoch).bits) << "epoch " << epoch << ", batch " << b;
    }
  }
}

TEST_F(ExchangeOnGpus, TakesTheMemoryItSays) {
  const std::size_t before = device::memory_use().now;
  const DeviceFrames gpu(frames,
                         {.residency = Residency::shard, .shares = shares, .gpus = &gpus, .round_bytes = 50 * row_bytes});
  const auto ranks = static_cast<std::size_t>(world().size());
  const std::size_t rows = shares.held(world().rank()) + ranks - 1;  // its share, and a spare row a pair of ranks
  const std::size_t round = ranks == 1 ? 0 : 50 + ranks - 1;
  const std::size_t numbers = (2 * shares.trained() + 2 * round) * sizeof(std::uint32_t);
  EXPECT_EQ(device::memory_use().now - before,
            (rows + 2 * round) * row_bytes + numbers + frames.size() * sizeof(std::uint16_t));
}

}  // namespace
}  // namespace dltonic::data
