#include "dltonic/events/frames.h"

#include <gtest/gtest.h>

#include <numeric>

#include "dltonic/core/error.h"
#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

FrameOptions options_for(const std::string& mode, const std::string& polarity = "keep", int downsample = 1) {
  FrameOptions options;
  options.mode = mode;
  options.polarity = polarity;
  options.downsample = downsample;
  options.bins = 7;
  options.events_per_frame = 90;
  options.window_us = 1700;
  return options;
}
const std::vector<std::string> kModes{"event_count", "time_window", "time_bins", "event_bins"};

TEST(Frames, EveryEventLandsInJustOneBinWithoutOverlap) {
  for (const std::string& mode : kModes) {
    for (const std::size_t n : {1u, 2u, 6u, 7u, 89u, 90u, 91u, 500u}) {
      for (const std::uint32_t gap : {0u, 1u, 40u}) {  // gap 0: all at one time
        const Events events = random_events(n, 11, 9, gap, static_cast<std::uint32_t>(n));
        FrameMaker maker(options_for(mode), 11, 9);
        std::vector<std::int16_t> counts;
        maker.append_counts(events, counts);
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::size_t{0}), n)
            << mode << ", " << n << " events, gap " << gap;
      }
    }
  }
}

TEST(Frames, EveryEventLandsInAFrameWithOverlap) {
  for (const std::string mode : {"event_count", "time_window"}) {
    for (const double overlap : {0.1, 0.5, 0.66, 0.99}) {
      FrameOptions options = options_for(mode);
      options.overlap = overlap;
      const Events events = random_events(400, 11, 9, 30, 3);
      std::vector<Slice> slices;
      cut(events, options, slices);
      EXPECT_EQ(count_samples(events, options), slices.size());
      std::vector<int> covered(events.size());
      for (const Slice slice : slices) {
        for (std::size_t i = slice.begin; i < slice.end; ++i) ++covered[i];
      }
      for (std::size_t i = 0; i < covered.size(); ++i)
        EXPECT_GE(covered[i], 1) << mode << " overlap " << overlap << " event " << i;
      EXPECT_EQ(slices.back().end, events.size());
      EXPECT_LT(slices[slices.size() - 2].end, events.size()) << "one frame too many";
    }
  }
}

TEST(Frames, TimeBinsFollowTheFormula) {
  for (const std::uint32_t gap : {0u, 1u, 3u, 1000u}) {
    const Events events = random_events(300, 5, 5, gap, gap + 1);
    for (const int bins : {1, 2, 3, 10, 301, 1000}) {
      FrameOptions options = options_for("time_bins");
      options.bins = bins;
      std::vector<Slice> slices;
      cut(events, options, slices);
      ASSERT_EQ(slices.size(), static_cast<std::size_t>(bins));
      const std::uint64_t t0 = events.t.front(), span = std::max<std::uint64_t>(1, events.t.back() - t0);
      for (std::size_t k = 0; k < slices.size(); ++k) {
        for (std::size_t i = slices[k].begin; i < slices[k].end; ++i) {
          EXPECT_EQ(k, std::min<std::uint64_t>(slices.size() - 1, slices.size() * (events.t[i] - t0) / span));
        }
      }
    }
  }
}

TEST(Frames, EventBinsDifferByAtMostOneEvent) {
  const Events events = random_events(100, 5, 5, 10, 1);
  FrameOptions options = options_for("event_bins");
  std::vector<Slice> slices;
  cut(events, options, slices);
  for (std::size_t k = 0; k < slices.size(); ++k) {
    EXPECT_GE(slices[k].end - slices[k].begin, 14u);
    EXPECT_LE(slices[k].end - slices[k].begin, 15u);
    for (std::size_t i = slices[k].begin; i < slices[k].end; ++i) EXPECT_EQ(i * 7 / 100, k);
  }
}

TEST(Frames, BitsAreTheCountsThatAreNotZero) {
  for (const std::string& mode : kModes) {
    for (const std::string polarity : {"keep", "merge"}) {
      for (const int downsample : {1, 2, 3, 50}) {
        for (const std::string compat : {"none", "tonic"}) {
          FrameOptions options = options_for(mode, polarity, downsample);
          options.compat = compat;
          FrameMaker maker(options, 34, 33);
          const int side = (33 + downsample - 1) / downsample;
          EXPECT_EQ(maker.height(), side);
          EXPECT_EQ(maker.channels(), channels(options));
          BitMatrix bits;
          std::vector<std::int16_t> counts;
          std::size_t rows = 0;
          for (std::uint32_t seed = 0; seed < 3; ++seed) {  // rows are appended
            const Events events = random_events(300 + seed, 34, 33, 25, seed);
            EXPECT_EQ(maker.append_rows(events, bits), maker.append_counts(events, counts));
            rows += count_samples(events, options);
          }
          ASSERT_EQ(bits.rows(), rows);
          ASSERT_EQ(counts.size(), rows * maker.features());
          for (std::size_t r = 0; r < bits.rows(); ++r) {
            for (std::size_t f = 0; f < bits.bits(); ++f) ASSERT_EQ(bits.get(r, f), counts[r * bits.bits() + f] > 0);
          }
          // Bits past the last column stay zero.
          std::size_t set = 0;
          for (const std::int16_t count : counts) set += count > 0 ? 1 : 0;
          EXPECT_EQ(bits.count(), set);
        }
      }
    }
  }
}

TEST(Frames, AFeatureIsChannelThenRowThenColumn) {
  FrameOptions options = options_for("time_bins");
  options.bins = 2;
  const Events events{{3, 1}, {2, 0}, {0, 100}, {1, 0}};
  BitMatrix bits;
  FrameMaker(options, 5, 4).append_rows(events, bits);
  ASSERT_EQ(bits.bits(), 2u * 2 * 4 * 5);
  EXPECT_EQ(bits.count(), 2u);
  EXPECT_TRUE(bits.get(0, (1 * 4 + 2) * 5 + 3));            // bin 0, ON
  EXPECT_TRUE(bits.get(0, ((1 * 2 + 0) * 4 + 0) * 5 + 1));  // bin 1, OFF
  options.polarity = "merge";
  options.downsample = 2;
  BitMatrix merged;
  FrameMaker(options, 5, 4).append_rows(events, merged);
  ASSERT_EQ(merged.bits(), 2u * 2 * 3);
  EXPECT_TRUE(merged.get(0, (0 * 2 + 1) * 3 + 1));
  EXPECT_TRUE(merged.get(0, (1 * 2 + 0) * 3 + 0));
}

TEST(Frames, EmptyAndShortRecordingsGiveAFrame) {
  for (const std::string& mode : kModes) {
    for (const std::string compat : {"none", "tonic"}) {
      FrameOptions options = options_for(mode);
      options.compat = compat;
      FrameMaker maker(options, 8, 8);
      BitMatrix bits;
      EXPECT_EQ(maker.append_rows({}, bits), 1u) << mode;
      EXPECT_EQ(bits.count(), 0u);
      EXPECT_EQ(maker.append_rows(random_events(3, 8, 8, 1, 1), bits), 1u) << mode;
    }
  }
}

TEST(Frames, CountsSaturate) {
  Events events;
  events.resize(40'000);
  std::vector<std::int16_t> counts;
  FrameMaker(options_for("time_bins"), 1, 1).append_counts(events, counts);
  EXPECT_EQ(counts[0], 32767);
}

TEST(Frames, WrongOptionsAreRefused) {
  FrameOptions options = options_for("time_binz");
  EXPECT_THROW(FrameMaker(options, 8, 8), ConfigError);
  options = options_for("event_count");
  options.overlap = 1;
  EXPECT_THROW(FrameMaker(options, 8, 8), ConfigError);
  options = options_for("time_window");
  options.window_us = 1;
  const Events events{{0, 0}, {0, 0}, {0, 2'000'000}, {0, 0}};
  BitMatrix bits;
  EXPECT_THROW(FrameMaker(options, 8, 8).append_rows(events, bits), DataError);  // two million frames
  BitMatrix other(1, 17);
  EXPECT_THROW(FrameMaker(options_for("time_bins"), 8, 8).append_rows(events, other), DataError);
}

TEST(Frames, WhatChangesTheFramesChangesTheirDescription) {
  const FrameOptions base = options_for("time_bins");
  FrameOptions other = base;
  other.bins = 8;
  EXPECT_NE(base.describe(), other.describe());
  other = base;
  other.window_us = 9;  // not used by this mode
  EXPECT_EQ(base.describe(), other.describe());
  other.compat = "tonic";
  EXPECT_NE(base.describe(), other.describe());
}

}  // namespace
}  // namespace dltonic::events
