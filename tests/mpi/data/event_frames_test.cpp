// Training frames that are cut from events, on any number of ranks and threads.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "data/framer.h"
#include "dltonic/core/error.h"
#include "dltonic/data/cache.h"
#include "dltonic/data/event_frames.h"
#include "dltonic/data/prepare.h"
#include "dltonic/events/augment.h"
#include "dltonic/events/augment_mix.h"
#include "mpi/data/folder_test.h"
#include "support/mpi_world.h"
#include "support/simulated_fixture.h"

namespace dltonic::data {
namespace {

using test::world;

constexpr std::uint64_t kSeed = 31;

Options augmented_options() {
  Options options = test::simulated_fixture();
  options.event_augmentation = {.time_jitter_us = 500, .rotate = 10, .shift = 3, .event_drop = 0.75, .noise = 0.1};
  return options;
}

class CutFromEvents : public FolderTest {
 protected:
  FrameSet prepared(const Options& options) {
    Progress silent;
    file_ = prepare(world(), options, folder_, silent).file;
    return FrameSet::load(world(), file_.frames, file_.settings, silent);
  }
  EventFrames cut(const Options& options, const FrameSet& frames) {
    return EventFrames(file_.events, file_.events_settings, options, frames, training_, kSeed);
  }
  PreparedFile file_;
  std::vector<std::uint32_t> training_;  ///< samples
};

std::vector<std::uint32_t> all_samples(const FrameSet& frames) {
  std::vector<std::uint32_t> all(frames.size());
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

TEST_F(CutFromEvents, WithoutAugmentationTheyAreThePreparedFrames) {
  Options filtered = test::simulated_fixture();
  filtered.filters.denoise_us = 20000;
  filtered.filters.center_crop = {28, 24};
  filtered.frames.mode = "event_bins";
  Options fitted = test::simulated_fixture();
  fitted.frames.values = "recency";  // thresholds are fitted: the frames file alone knows them
  fitted.splits.val_split = 0.3;
  for (const Options& options : {test::simulated_fixture(), filtered, fitted}) {
    SCOPED_TRACE(options.frames.describe());
    const FrameSet frames = prepared(options);
    const EventFrames rows = cut(options, frames);
    Batch batch, prepared_batch;
    fill_batch(frames, all_samples(frames), nullptr, 7, batch, &rows);
    fill_batch(frames, all_samples(frames), nullptr, 7, prepared_batch);
    EXPECT_TRUE(std::ranges::equal(batch.bits.words(), prepared_batch.bits.words()));
    EXPECT_EQ(batch.labels, prepared_batch.labels);
  }
}

TEST_F(CutFromEvents, AugmentedRowsAreFunctionsOfSeedEpochAndRecording) {
  const Options options = augmented_options();
  const FrameSet frames = prepared(options);
  const EventFrames rows = cut(options, frames);
  // By hand: read, augment, frame.
  const store::EventFileReader reader(file_.events);
  const events::SensorSize sensor{reader.info().width, reader.info().height};
  events::Augmenter augmenter(options.event_augmentation, sensor, kSeed);
  Framer framer(options.filters, options.frames, sensor);
  std::size_t as_prepared = 0;
  for (const std::uint32_t epoch : {0u, 1u}) {
    BitMatrix wanted;
    for (std::uint32_t i = 0; i < frames.size(); ++i) {
      events::Recording recording;
      reader.read(i, recording);
      augmenter.apply(recording.events, epoch, i);
      framer.maker.append_rows(recording.events, wanted);
      as_prepared += std::ranges::equal(wanted.row(i), frames.bits.row(i)) ? 1 : 0;
    }
    auto samples = all_samples(frames);
    std::reverse(samples.begin(), samples.end());  // order does not matter
    for (const int threads : {1, 3}) {
      const int before = omp_get_max_threads();
      omp_set_num_threads(threads);
      Batch batch;
      fill_batch(frames, samples, nullptr, epoch, batch, &rows);
      omp_set_num_threads(before);
      for (std::size_t i = 0; i < samples.size(); ++i)
        ASSERT_TRUE(std::ranges::equal(batch.bits.row(i), wanted.row(samples[i]))) << "sample " << samples[i];
    }
    const std::string bytes(reinterpret_cast<const char*>(wanted.words().data()), wanted.words().size_bytes());
    EXPECT_EQ(world().broadcast(bytes), bytes);  // every rank cuts the same
  }
  EXPECT_EQ(as_prepared, 0u);
  const auto work = rows.take_work();
  EXPECT_EQ(work.recordings, 4 * frames.size());
  EXPECT_EQ(work.events, 4 * reader.events());
  EXPECT_GT(work.thread_seconds, 0);
  EXPECT_EQ(rows.take_work().recordings, 0u);
}

TEST_F(CutFromEvents, BitsAreAugmentedAfterEvents) {
  const Options options = augmented_options();
  const FrameSet frames = prepared(options);
  const EventFrames rows = cut(options, frames);
  const Augmentation bits({.shift = 2, .flip_x = true, .salt_pepper = 0.05}, frames.shape, 5);
  const auto samples = all_samples(frames);
  Batch cut_alone, both;
  fill_batch(frames, samples, nullptr, 2, cut_alone, &rows);
  fill_batch(frames, samples, &bits, 2, both, &rows);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::vector<std::uint64_t> wanted(both.bits.row_words());
    bits.apply(cut_alone.bits.row(i), wanted, 2, samples[i]);
    EXPECT_TRUE(std::ranges::equal(both.bits.row(i), wanted));
  }
}

TEST_F(CutFromEvents, MixedRowsSayWhoseTheyAre) {
  Options options = test::simulated_fixture();
  options.event_augmentation = {.flip_x = 0.5, .event_mix = 0.4, .cut_mix = 0.4, .mix_alpha = 0.7};
  const FrameSet frames = prepared(options);
  training_ = {1, 5, 17, 30};
  const EventFrames rows = cut(options, frames);
  const store::EventFileReader reader(file_.events);
  const events::SensorSize sensor{reader.info().width, reader.info().height};
  const auto& o = options.event_augmentation;
  events::Augmenter augmenter(o, sensor, kSeed);
  Framer framer(options.filters, options.frames, sensor);
  events::AugmentMemory memory;
  Batch batch;
  std::size_t alone = 0, by_mask = 0, by_box = 0;
  for (const std::uint32_t epoch : {0u, 1u, 2u}) {
    fill_batch(frames, all_samples(frames), nullptr, epoch, batch, &rows);
    ASSERT_EQ(batch.second_labels.size(), frames.size());
    ASSERT_EQ(batch.label_share.size(), frames.size());
    for (std::uint32_t i = 0; i < frames.size(); ++i) {
      events::Recording first, second;
      reader.read(i, first);
      augmenter.apply(first.events, epoch, i);
      Random random(kSeed, Use::event_mix, epoch, i);
      const double choice = random.uniform_double();
      double share = 1;
      if (choice < 0.8) {
        const std::uint32_t partner = training_[random.below(4)];
        reader.read(partner, second);
        augmenter.apply(second.events, epoch, partner);
        const double asked = events::draw_beta(0.7, random);
        if (choice < 0.4) {
          share = events::event_mix(first.events, second.events, events::MixMask(events::MixShape::draw(1 - asked, random)),
                                    sensor, memory);
        } else {
          share = events::cut_mix(first.events, second.events, events::draw_box(1 - asked, sensor, random), sensor, memory);
        }
        EXPECT_EQ(batch.second_labels[i], frames.labels[partner]);
      }
      alone += choice >= 0.8 ? 1 : 0, by_mask += choice < 0.4 ? 1 : 0, by_box += choice >= 0.4 && choice < 0.8 ? 1 : 0;
      EXPECT_EQ(batch.label_share[i], static_cast<float>(share));
      BitMatrix wanted;
      framer.maker.append_rows(first.events, wanted);
      EXPECT_TRUE(std::ranges::equal(batch.bits.row(i), wanted.row(0)));
    }
  }
  EXPECT_GT(alone, 5u);
  EXPECT_GT(by_mask, 20u);
  EXPECT_GT(by_box, 20u);
  fill_batch(frames, all_samples(frames), nullptr, 0, batch);  // what evaluates has labels of its own alone
  EXPECT_TRUE(batch.second_labels.empty() && batch.label_share.empty());
}

TEST_F(CutFromEvents, WhatDoesNotGoTogetherIsRefused) {
  const Options options = augmented_options();
  const FrameSet frames = prepared(options);
  Options counted = options, images = options, unstored = options;
  counted.frames.mode = "event_count";
  images.kind = "images";
  unstored.store_events = false;
  for (const Options& wrong : {counted, images, unstored}) EXPECT_THROW(cut(wrong, frames), ConfigError);
  EXPECT_NE(event_augmentation_fault(counted, "frames.mode"), "");
  EXPECT_EQ(event_augmentation_fault(counted, "kind"), "");
  counted.event_augmentation = {};
  EXPECT_EQ(event_augmentation_fault(counted, "frames.mode"), "");
  Options smaller = options;
  smaller.filters.center_crop = {20, 20};
  EXPECT_THROW(cut(smaller, frames), DataError);
  FrameSet others = frames;
  others.recording_labels.front() = static_cast<std::uint16_t>(others.recording_labels.front() + 1);
  EXPECT_THROW(cut(options, others), DataError);
  EXPECT_THROW(EventFrames(file_.events, R"({"name":"other"})", options, frames, training_, kSeed), DataError);
}

TEST_F(CutFromEvents, AFileThatIsCutShortIsAnErrorFromAnyThread) {
  const Options options = augmented_options();
  const FrameSet frames = prepared(options);
  const EventFrames rows = cut(options, frames);
  world().barrier();
  if (world().is_root()) std::filesystem::resize_file(file_.events, 5000);
  world().barrier();
  Batch batch;
  EXPECT_THROW(fill_batch(frames, all_samples(frames), nullptr, 0, batch, &rows), DataError);
}

}  // namespace
}  // namespace dltonic::data
