// What a GPU's blocks do to cut rows from events, done by teams of the host's threads, against EventFrames::row.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <tuple>

#include "data/gpu/cut_plan.h"
#include "data/gpu/cut_rows.h"
#include "dltonic/data/event_frames.h"
#include "dltonic/data/prepare.h"
#include "dltonic/events/normal.h"
#include "mpi/data/folder_test.h"
#include "support/every_augmentation.h"
#include "support/host_team.h"
#include "support/mpi_world.h"
#include "support/simulated_fixture.h"

namespace dltonic::data {
namespace {

using test::HostTeam;
using test::world;

constexpr std::uint32_t kEpoch = 3;

/// What lies in a GPU's memory, in the host's.
struct HostRows {
  HostRows(const EventFrames& cut, std::span<const std::uint32_t> samples, std::uint32_t epoch)
      : begin(cut.samples()), count(cut.samples()), limits(limits_of(cut)) {
    std::uint64_t largest = 0;
    for (const std::uint32_t sample : cut.training()) {
      events::Recording recording;
      cut.read(sample, recording);
      begin[sample] = all.size();
      count[sample] = static_cast<std::uint32_t>(recording.events.size());
      largest = std::max(largest, cut.stored_events(sample));
      for (std::size_t i = 0; i < recording.events.size(); ++i) {
        all.x.push_back(recording.events.x[i]);
        all.y.push_back(recording.events.y[i]);
        all.t.push_back(recording.events.t[i]);
        all.p.push_back(recording.events.p[i]);
      }
    }
    EXPECT_EQ(fault_of_frames(cut, largest), "");
    plans.draw(cut, samples, epoch);
    image.resize(plans.bytes());
    plans.write(image.data());
    job.frames = frames_of(cut, limits.data());
    const CutRoom room(cut, largest, job.frames);
    x.resize(3 * room.events), y.resize(x.size()), t.resize(x.size()), p.resize(x.size());
    keys.resize(room.keys), words.resize(room.words()), values.resize(room.values, 77);
    row_words = static_cast<std::uint32_t>(2 * words_for(job.frames.features));
    rows.resize(samples.size() * row_words, 0xA5A5A5A5u);
    densities.resize(room.cells), cells.resize(room.cells);
    mixed.resize(samples.size());
    job.source = {all.x.data(), all.y.data(), all.t.data(), all.p.data(), begin.data(), count.data()};
    job.plan = plans.at(image.data());
    job.memory = {.x = x.data(),
                  .y = y.data(),
                  .t = t.data(),
                  .p = p.data(),
                  .keys = keys.empty() ? nullptr : keys.data(),
                  .words = words.data(),
                  .values = values.empty() ? nullptr : values.data(),
                  .densities = densities.data(),
                  .cells = cells.data(),
                  .room = static_cast<std::uint32_t>(room.events),
                  .keys_room = static_cast<std::uint32_t>(room.keys)};
    job.target = {.rows = rows.data(), .mixed = mixed.data(), .row_words = row_words};
    job.draws = draws_of(cut, epoch, events::NormalTable::table().data());
  }
  void make(int threads) {
    HostTeam::run(threads, [&](HostTeam& team) {
      for (std::uint32_t i = 0; i < mixed.size(); ++i) cut_row<true>(team, 0, job, i);
    });
  }

  events::Events all;
  std::vector<std::uint64_t> begin;
  std::vector<std::uint32_t> count;
  std::vector<std::uint64_t> limits;
  CutPlans plans;
  std::vector<std::byte> image;
  CutJob job;
  std::vector<std::uint16_t> x, y;
  std::vector<std::uint32_t> t;
  std::vector<std::uint8_t> p;
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> words, values, densities, rows;
  std::vector<std::uint8_t> cells;
  std::vector<MixedLabel> mixed;
  std::uint32_t row_words = 0;
};

class CutRows : public FolderTest {
 protected:
  /// Whole recordings by one thread, short ones by three and by two pairs: those wait for each other at every few events.
  void expect_rows_of_host(Options options) {
    expect_rows_of_host(options, 1);
    options.filters.end_us = 20000;
    expect_rows_of_host(options, 3);
    expect_rows_of_host(options, 4);
  }
  void expect_rows_of_host(const Options& options, int threads) {
    Progress silent;
    const PreparedFile file = prepare(world(), options, folder_, silent).file;
    const FrameSet frames = FrameSet::load(world(), file.frames, file.settings, silent);
    std::vector<std::uint32_t> training(frames.size());
    std::iota(training.begin(), training.end(), 0u);
    const EventFrames cut(file.events, file.events_settings, options, frames, training, 31);
    const auto samples = std::span(training).first(std::min<std::size_t>(4, training.size()));
    HostRows rows(cut, samples, kEpoch);
    std::vector<std::uint64_t> row(words_for(frames.shape.features()));
    rows.make(threads);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const MixedLabel mixed = cut.row(samples[i], kEpoch, row);
      const auto* const found = reinterpret_cast<const std::uint64_t*>(rows.rows.data() + i * rows.row_words);
      EXPECT_TRUE(std::equal(row.begin(), row.end(), found))
          << options.event_augmentation.describe() << "; " << options.frames.describe() << ": sample " << samples[i] << " by "
          << threads << " threads";
      EXPECT_EQ(rows.mixed[i].second, mixed.second);
      EXPECT_EQ(rows.mixed[i].share, mixed.share);
    }
  }
};

TEST_F(CutRows, PlansOfManyRowsAreDrawnByAllThreads) {
  Options options = test::simulated_fixture();
  options.event_augmentation = {.shift = 3, .event_drop = 0.5, .event_mix = 0.5, .cut_mix = 0.3};
  Progress silent;
  const PreparedFile file = prepare(world(), options, folder_, silent).file;
  const FrameSet frames = FrameSet::load(world(), file.frames, file.settings, silent);
  std::vector<std::uint32_t> training(frames.size()), samples(100);
  std::iota(training.begin(), training.end(), 0u);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = training[7 * i % training.size()];
  const EventFrames cut(file.events, file.events_settings, options, frames, training, 31);
  const int before = omp_get_max_threads();
  for (const int threads : {1, 3, 16}) {
    omp_set_num_threads(threads);
    CutPlans plans;
    plans.draw(cut, std::span(samples).first(7), kEpoch + 1);  // memory is used again
    plans.draw(cut, samples, kEpoch);
    std::vector<std::byte> image(plans.bytes());
    plans.write(image.data());
    const CutPlan found = plans.at(image.data());
    RowPlan asked;
    int masks = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      cut.plan(samples[i], kEpoch, asked);
      const CutRow& row = found.rows[i];
      const auto expect_steps = [&](std::uint32_t first, std::uint32_t count, const events::AugmentationPlan& steps) {
        ASSERT_EQ(count, steps.size());
        for (std::size_t s = 0; s < steps.size(); ++s) {
          const events::PlannedStep& step = found.steps[first + s];
          EXPECT_EQ(std::tie(step.kind, step.use, step.word, step.value, step.dx, step.dy, step.box.x, step.box.width),
                    std::tie(steps[s].kind, steps[s].use, steps[s].word, steps[s].value, steps[s].dx, steps[s].dy,
                             steps[s].box.x, steps[s].box.width));
        }
      };
      ASSERT_EQ(row.sample, samples[i]);
      expect_steps(row.first_step, row.steps, asked.steps);
      ASSERT_EQ(row.second != CutRow::kNone, asked.mixed);
      if (!asked.mixed) continue;
      EXPECT_EQ(row.second, asked.mix.sample);
      expect_steps(row.second_first_step, row.second_steps, asked.mix.steps);
      ASSERT_EQ(row.mask != CutRow::kNone, !asked.mix.cuts);
      if (asked.mix.cuts) continue;
      ++masks;
      EXPECT_EQ(std::memcmp(&found.masks[row.mask], &asked.mix.mask, sizeof(events::MixShape)), 0) << "row " << i;
    }
    EXPECT_GT(masks, 20);
  }
  omp_set_num_threads(before);
}

TEST_F(CutRows, EveryAugmentation) {
  const std::vector<events::AugmentationOptions> each{
      {.reverse_time = 1}, {.time_skew = 0.7}, {.delete_time = 0.3},  {.time_jitter_us = 3000},
      {.flip_x = 1},       {.flip_y = 1},      {.shear = 30},         {.rotate = 40},
      {.roll = 9},         {.shift = 9},       {.spatial_jitter = 2}, {.flip_polarity = 1},
      {.drop = 0.4},       {.drop_time = 0.3}, {.drop_area = 0.3},    {.event_drop = 1},
      {.noise = 0.5},
  };
  Options options = test::simulated_fixture();
  for (const auto& one : each) {
    options.event_augmentation = one;
    expect_rows_of_host(options);
  }
}

TEST_F(CutRows, AllTogetherAndMixed) {
  Options options = test::simulated_fixture();
  options.event_augmentation = test::every_augmentation();
  expect_rows_of_host(options);
  options.event_augmentation.event_mix = options.event_augmentation.cut_mix = 0;
  expect_rows_of_host(options);
  options.event_augmentation = {.event_mix = 1};
  expect_rows_of_host(options);
  options.event_augmentation = {.cut_mix = 1, .mix_alpha = 0.3};
  expect_rows_of_host(options);
}

TEST_F(CutRows, EveryRepresentation) {
  Options options = test::simulated_fixture();
  options.event_augmentation = {.time_jitter_us = 500, .shift = 3, .drop = 0.3};
  for (const char* values : {"bits", "counts", "recency", "voxel", "time_surface"}) {
    for (const char* mode : {"time_bins", "event_bins"}) {
      for (const char* polarity : {"keep", "merge"}) {
        if (std::string(values) == "voxel" && std::string(mode) == "event_bins") continue;  // a grid of times
        options.frames.values = values;
        options.frames.mode = mode;
        options.frames.polarity = polarity;
        // Without a step that sorts, a row's events lie where the next row's are put.
        options.event_augmentation.time_jitter_us = std::string(polarity) == "keep" ? 500 : 0;
        expect_rows_of_host(options);
      }
    }
  }
  options.frames = {};
  options.frames.bins = 1;
  expect_rows_of_host(options);
  options.frames.bins = 4;
  options.frames.downsample = 3;
  expect_rows_of_host(options);
  options.frames.downsample_count = 2;
  expect_rows_of_host(options);
}

TEST_F(CutRows, OfFilteredRecordings) {
  Options options = test::simulated_fixture();
  options.event_augmentation = test::every_augmentation();
  options.filters.denoise_us = 8000;
  expect_rows_of_host(options);
}

TEST_F(CutRows, OfRecordingsWithNextToNothing) {
  Options options = test::simulated_fixture();
  options.filters.denoise_us = 1;  // leaves a few events of some recordings and none of others
  options.event_augmentation = test::every_augmentation();
  expect_rows_of_host(options);
  options.frames.values = "time_surface";
  options.frames.mode = "event_bins";
  options.frames.thresholds = {0.2, 0.6};
  expect_rows_of_host(options);
}

TEST(BinOf, IsTheSameInNumbersOfBothWidths) {
  Random random(1, Use::test);
  for (const bool by_time : {true, false}) {
    TeamFrames frames{.by_time = by_time};
    for (int k = 0; k < 20000; ++k) {
      frames.bins = random.between(1, 40);
      const std::uint32_t whole = (random.next_u32() >> random.below(32)) | 1u, part = random.below(whole) + (by_time ? 1 : 0);
      const std::uint64_t bins = static_cast<std::uint64_t>(frames.bins);
      const std::uint64_t expected = std::min(bins - 1, part * bins / whole);
      ASSERT_EQ(by_time ? bin_of(frames, 7, 9, part, whole) : bin_of(frames, part, whole, 7, 9), expected);
    }
  }
}

TEST_F(CutRows, WhatAGpuDoesNotCutIsSaid) {
  Options options = test::simulated_fixture();
  options.event_augmentation = {.shift = 3};
  options.frames.compat = "tonic";
  Progress silent;
  const PreparedFile file = prepare(world(), options, folder_, silent).file;
  const FrameSet frames = FrameSet::load(world(), file.frames, file.settings, silent);
  const EventFrames cut(file.events, file.events_settings, options, frames, {0, 1}, 31);
  EXPECT_NE(fault_of_frames(cut, 100).find("tonic"), std::string::npos);
}

}  // namespace
}  // namespace dltonic::data
