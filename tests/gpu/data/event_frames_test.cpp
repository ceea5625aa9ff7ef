/// Training rows that are cut from events, by the host or on the GPU, as batches of a GPU.
#include "dltonic/data/event_frames.h"

#include <gtest/gtest.h>

#include <numeric>

#include "device_batch.h"
#include "dltonic/core/error.h"
#include "dltonic/data/prepare.h"
#include "dltonic/device/device.h"
#include "support/every_augmentation.h"
#include "support/mpi_world.h"
#include "support/simulated_fixture.h"

namespace dltonic::data {
namespace {

using namespace data::test;
using dltonic::test::world;

class CutForGpu : public testing::Test {
 protected:
  static constexpr std::uint64_t kBatch = 3;

  void prepare_frames() {
    Progress silent;
    const auto file = prepare(world(), options, dltonic::test::shared_folder(), silent).file;
    frames = FrameSet::load(world(), file.frames, file.settings, silent);
    std::vector<std::uint32_t> training(frames.size());
    std::iota(training.begin(), training.end(), 0u);
    cut.emplace(file.events, file.events_settings, options, frames, training, 7);
    shares = shares_of(frames.size(), kBatch);
  }
  /// cut_at_once: of the GPU; slots are used again and again where it is small. first: where the first epoch begins.
  void expect_batches_of_host(std::size_t cut_at_once = DeviceFrames::Plan{}.cut_at_once, std::int64_t first = 0,
                              std::size_t planned_at_once = DeviceFrames::Plan{}.planned_at_once) {
    const Augmentation bits({.shift = 1, .salt_pepper = 0.02}, frames.shape, 3);
    DeviceFrames gpu(frames, {.residency = Residency::stream,
                              .shares = shares,
                              .cut = &*cut,
                              .cut_at_once = cut_at_once,
                              .planned_at_once = planned_at_once,
                              .most_evaluated = 40});
    DeviceBatchBuffer buffer(frames.shape.row_bits(), 40);
    for (const std::uint32_t epoch : {0u, 1u}) {
      const EpochOrder order = order_of(frames.size(), kBatch, epoch);
      const auto mine = shares.trained_by_this(order);
      gpu.start_epoch(order, stream);
      steps.set({.epoch = epoch, .batch = static_cast<std::uint32_t>(first)}, stream);
      for (std::int64_t b = std::exchange(first, 0); b < static_cast<std::int64_t>(order.batches()); ++b) {
        gpu.prepare_step(b, stream);
        soil(buffer, stream);
        const auto batch = gpu.gather(steps.clock(), 0, kBatch, &bits, buffer, stream);
        const auto samples = std::span(mine).subspan(static_cast<std::size_t>(b) * kBatch, kBatch);
        Batch host;
        fill_batch(frames, samples, &bits, epoch, host, &*cut);
        BitMatrix turned;
        transpose(host.bits, turned);
        const auto found = batch_of_gpu(batch, frames.shape.row_bits(), stream);
        const auto row_words = static_cast<std::size_t>(batch.row_words());
        for (std::size_t f = 0; f < turned.rows(); ++f)
          ASSERT_EQ(found.bits[f * row_words], turned.row(f)[0]) << "feature " << f;
        for (std::size_t i = 0; i < kBatch; ++i) ASSERT_EQ(found.labels[i], host.labels[i]);
        ASSERT_EQ(batch.second_labels != nullptr, cut->mixes());
        if (cut->mixes()) {
          EXPECT_EQ(device::downloaded(batch.second_labels, kBatch, stream), host.second_labels);
          EXPECT_EQ(device::downloaded(batch.label_share, kBatch, stream), host.label_share);
        }
        steps.end(stream);
      }
      const std::vector<std::uint32_t> some{3, 1, 30};  // what evaluates is what was prepared
      const auto batch = gpu.gather(some, buffer, stream);
      EXPECT_EQ(difference(batch_of_gpu(batch, frames.shape.row_bits(), stream), batch_of_host(frames, some, nullptr, 0)), "");
      EXPECT_EQ(batch.second_labels, nullptr);
    }
  }

  Options options = dltonic::test::simulated_fixture();
  FrameSet frames;
  std::optional<EventFrames> cut;
  EpochShares shares;
  device::Stream stream;
  device::Steps steps;
};

TEST_F(CutForGpu, BatchesAreThoseOfTheHost) {
  options.event_augmentation = {.time_jitter_us = 500, .shift = 3, .drop = 0.2};
  for (const char* framing : {"host", "gpu"}) {
    options.framing = framing;
    prepare_frames();
    expect_batches_of_host();
    expect_batches_of_host(2 * kBatch);
    expect_batches_of_host(40 * kBatch);
    expect_batches_of_host(5 * kBatch, 7);
    expect_batches_of_host(2 * kBatch, 0, 5 * kBatch);
  }
}

TEST_F(CutForGpu, SoAreMixedOnesWithTheirLabels) {
  options.event_augmentation = {.shift = 3, .event_mix = 0.5, .cut_mix = 0.3};
  for (const char* framing : {"host", "gpu"}) {
    options.framing = framing;
    prepare_frames();
    expect_batches_of_host();
  }
}

TEST_F(CutForGpu, EveryAugmentationAtOnceAndEveryRepresentation) {
  options.framing = "gpu";
  options.event_augmentation = dltonic::test::every_augmentation();
  for (const char* values : {"bits", "counts", "recency", "voxel", "time_surface"}) {
    options.frames.values = values;
    options.frames.polarity = std::string(values) == "counts" ? "merge" : "keep";
    options.frames.mode = std::string(values) == "time_surface" ? "event_bins" : "time_bins";
    prepare_frames();
    expect_batches_of_host();
  }
  options.frames.downsample = 2;
  options.filters.denoise_us = 1000;  // leaves little, or nothing
  prepare_frames();
  expect_batches_of_host();
}

TEST_F(CutForGpu, WhatTheGpuDoesNotCutIsRefusedOrCutByTheHost) {
  options.event_augmentation = {.shift = 3};
  options.frames.compat = "tonic";
  prepare_frames();
  expect_batches_of_host();
  options.framing = "gpu";
  prepare_frames();
  EXPECT_THROW(DeviceFrames(frames, {.residency = Residency::stream, .shares = shares, .cut = &*cut}), DeviceError);
}

TEST_F(CutForGpu, TheyCanOnlyBeStreamed) {
  options.event_augmentation = {.shift = 3};
  prepare_frames();
  EXPECT_THROW(DeviceFrames(frames, {.residency = Residency::replicate, .shares = shares, .cut = &*cut}), DeviceError);
}

}  // namespace
}  // namespace dltonic::data
