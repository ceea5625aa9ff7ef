// Several bits a pixel: counts, ages, voxel grids and time surfaces behind thresholds, against their definitions.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/half.h"
#include "dltonic/events/frames.h"
#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

constexpr int kWidth = 13, kHeight = 9;
const std::vector<std::string> kModes{"event_count", "time_window", "time_bins", "event_bins"};

FrameOptions options_for(const std::string& values, const std::string& mode = "time_bins") {
  FrameOptions options;
  options.mode = mode;
  options.values = values;
  options.bins = 5;
  options.events_per_frame = 90;
  options.window_us = 1700;
  if (values == "counts") options.thresholds = {1, 2, 3, 7};
  if (values == "recency") options.thresholds = {0, 150, 400, 5000};
  if (values == "voxel") options.thresholds = {0.001, 0.5, 1, 2.25};
  if (values == "time_surface") {
    options.thresholds = {0, 0.1, 0.4, 0.9};
    options.tau_us = 1100;
  }
  return options;
}
const std::vector<std::string> kValues{"counts", "recency", "voxel", "time_surface"};
std::vector<std::string> modes_of(const std::string& values) {
  return values == "voxel" ? std::vector<std::string>{"time_bins"} : kModes;
}
Events dense(std::uint32_t seed, std::size_t n = 700) { return random_events(n, kWidth, kHeight, 20, seed); }

BitMatrix bits_of(const FrameOptions& options, const Events& events, int width = kWidth, int height = kHeight) {
  BitMatrix bits;
  FrameMaker(options, width, height).append_rows(events, bits);
  return bits;
}

/// By the words of the definition: what the events of a slice, and those before it, say of a pixel.
struct Said {
  double count = 0, grid = 0;
  std::optional<double> age;  ///< of the last event; of a time surface's also those before
};
Said said_of(const FrameOptions& options, const Events& events, Slice slice, int bin, int polarity, int y, int x) {
  const int f = options.downsample;
  const auto here = [&](std::size_t i) {
    return events.x[i] / f == x && events.y[i] / f == y && (options.merged() || events.p[i] == polarity);
  };
  Said said;
  for (std::size_t i = options.values == "time_surface" ? 0 : slice.begin; i < slice.end; ++i) {
    if (!here(i)) continue;
    said.age = static_cast<double>(slice.last_us) - events.t[i];
    ++said.count;
  }
  const double span = std::max(1.0, static_cast<double>(events.t.back() - events.t.front()));
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events.x[i] / f != x || events.y[i] / f != y) continue;
    const double time = (options.bins - 1) * (static_cast<double>(events.t[i] - events.t.front()) / span);
    const double sign = options.merged() || events.p[i] == polarity ? 1 : -1;
    said.grid += sign * std::max(0.0, 1 - std::abs(time - bin));
  }
  return said;
}

bool defined_bit(const FrameOptions& options, const Said& said, double theta) {
  if (options.values == "counts") return said.count >= theta;
  if (options.values == "voxel") return said.grid >= theta;
  if (!said.age) return false;
  return options.values == "time_surface" ? std::exp(-*said.age / options.tau_us) >= theta : *said.age <= theta;
}

double defined_number(const FrameOptions& options, const Events& events, Slice slice, const Said& said) {
  if (options.values == "counts") return said.count;
  if (options.values == "voxel") return said.grid;
  if (!said.age) return 0;
  if (options.values == "time_surface") return std::exp(-*said.age / options.tau_us);
  return 1 - *said.age / (static_cast<double>(slice.last_us) - events.t[slice.begin] + 1);
}

/// The samples of a recording, and where they were cut.
struct Framed {
  Framed(const FrameOptions& options, const Events& events)
      : maker(options, kWidth, kHeight), stacked(options.mode == "time_bins" || options.mode == "event_bins") {
    maker.append_rows(events, rows);
    cut(events, options, slices);
  }
  std::size_t row_of(std::size_t slice) const { return stacked ? 0 : slice; }
  /// Of the features of its row, the first one of the slice.
  std::size_t feature_of(std::size_t slice) const { return stacked ? slice * maker.features() / slices.size() : 0; }

  FrameMaker maker;
  bool stacked;  ///< slices are bins of one sample
  BitMatrix rows;
  std::vector<Slice> slices;
};

TEST(FrameValues, BitsFollowTheDefinition) {
  for (const std::string& values : kValues) {
    for (const std::string& mode : modes_of(values)) {
      for (const std::string polarity : {"keep", "merge"}) {
        for (const int downsample : {1, 2}) {
          FrameOptions options = options_for(values, mode);
          options.polarity = polarity;
          options.downsample = downsample;
          if (mode == "time_window" || mode == "event_count") options.overlap = 0.4;
          if (values == "voxel") options.thresholds = {0.0503, 0.503, 1.503};  // between the steps of 1/1024
          SCOPED_TRACE(options.describe());
          const Events events = dense(7, 400);
          const Framed framed(options, events);
          const FrameMaker& maker = framed.maker;
          const BitMatrix& bits = framed.rows;
          ASSERT_EQ(bits.rows(), framed.stacked ? 1 : framed.slices.size());
          ASSERT_EQ(maker.channels(), channels(options));
          std::size_t wrong = 0, set = 0;
          for (std::size_t k = 0; k < framed.slices.size(); ++k) {
            std::size_t bit = framed.feature_of(k);
            for (int p = 0; p < options.polarities(); ++p) {
              for (const double theta : options.thresholds) {
                for (int y = 0; y < maker.height(); ++y) {
                  for (int x = 0; x < maker.width(); ++x, ++bit) {
                    const bool wanted =
                        defined_bit(options, said_of(options, events, framed.slices[k], static_cast<int>(k), p, y, x), theta);
                    const bool is = bits.get(framed.row_of(k), bit);
                    wrong += is != wanted ? 1 : 0;
                    set += is ? 1 : 0;
                  }
                }
              }
            }
          }
          // Shares of an event are rounded down to 1/1024, so a sum may be off by a few of them.
          EXPECT_LE(wrong, values == "voxel" ? set / 100 : 0);
          EXPECT_GT(set, 0u);
          EXPECT_EQ(bits.count(), set);
        }
      }
    }
  }
}

TEST(FrameValues, NumbersFollowTheDefinition) {
  for (const std::string& values : kValues) {
    for (const std::string& mode : modes_of(values)) {
      for (const std::string polarity : {"keep", "merge"}) {
        FrameOptions options = options_for(values, mode);
        options.polarity = polarity;
        options.dtype = "float16";
        options.thresholds.clear();
        if (mode == "time_window" || mode == "event_count") options.overlap = 0.4;
        SCOPED_TRACE(options.describe());
        const Events events = dense(8, 400);
        const Framed framed(options, events);
        const FrameMaker& maker = framed.maker;
        const bool has_sign = values == "voxel" && polarity == "keep";
        ASSERT_EQ(framed.rows.rows(), framed.stacked ? 1 : framed.slices.size());
        ASSERT_EQ(framed.rows.bits(), 16 * maker.features());
        ASSERT_EQ(maker.channels(), (framed.stacked ? options.bins : 1) * (polarity == "keep" && !has_sign ? 2 : 1));
        std::size_t not_zero = 0;
        for (std::size_t k = 0; k < framed.slices.size(); ++k) {
          const Slice slice = framed.slices[k];
          std::size_t feature = framed.feature_of(k);
          for (int p = has_sign ? 1 : 0; p < options.polarities(); ++p) {
            for (int y = 0; y < maker.height(); ++y) {
              for (int x = 0; x < maker.width(); ++x, ++feature) {
                const std::uint64_t word = framed.rows.row(framed.row_of(k))[feature / 4];
                const double is = from_half(static_cast<std::uint16_t>(word >> (16 * (feature % 4))));
                const double wanted =
                    defined_number(options, events, slice, said_of(options, events, slice, static_cast<int>(k), p, y, x));
                // A half float has eleven bits; shares of an event are rounded down to 1/1024.
                ASSERT_NEAR(is, wanted, std::abs(wanted) / 2048 + (values == "voxel" ? 0.01 : 1e-7))
                    << k << ' ' << y << ' ' << x;
                not_zero += is != 0 ? 1 : 0;
              }
            }
          }
        }
        EXPECT_GT(not_zero, 100u);
      }
    }
  }
}

TEST(FrameValues, ManyEventsAreNotInfinitelyMany) {
  FrameOptions options = options_for("counts", "event_count");
  options.thresholds.clear();
  options.dtype = "float16";
  options.events_per_frame = 100000;
  Events events;
  events.resize(70000);
  std::iota(events.t.begin(), events.t.end(), 0u);
  std::fill(events.p.begin(), events.p.end(), std::uint8_t{1});
  BitMatrix rows;
  FrameMaker(options, 1, 1).append_rows(events, rows);
  EXPECT_EQ(from_half(static_cast<std::uint16_t>(rows.row(0)[0] >> 16)), 65504.0f);
}

TEST(FrameValues, LevelsAreThermometers) {
  for (const std::string& values : kValues) {
    for (const std::string& mode : modes_of(values)) {
      const FrameOptions options = options_for(values, mode);
      const BitMatrix bits = bits_of(options, dense(1));
      const std::size_t plane = kWidth * kHeight, levels = static_cast<std::size_t>(options.levels());
      const bool upwards = values == "recency";  // a longer age is easier to keep, a higher number harder
      std::size_t steps = 0;
      for (std::size_t r = 0; r < bits.rows(); ++r) {
        for (std::size_t bit = 0; bit < bits.bits(); ++bit) {
          if (bit / plane % levels == levels - 1) continue;
          const bool low = bits.get(r, upwards ? bit : bit + plane), high = bits.get(r, upwards ? bit + plane : bit);
          ASSERT_LE(low, high) << values << ' ' << mode << " bit " << bit;
          steps += low != high ? 1 : 0;
        }
      }
      EXPECT_GT(steps, 0u);
    }
  }
}

TEST(FrameValues, OneCountIsAPlainBitAndSoIsAnyAge) {
  for (const std::string& mode : kModes) {
    for (const std::string compat : {"none", "tonic"}) {
      FrameOptions plain = options_for("bits", mode);
      plain.compat = compat;
      FrameOptions counts = plain, recency = plain;
      counts.values = "counts";
      counts.thresholds = {1};
      recency.values = "recency";
      recency.thresholds = {4294967295.0};
      for (std::uint32_t seed = 0; seed < 4; ++seed) {
        const BitMatrix wanted = bits_of(plain, dense(seed));
        EXPECT_EQ(bits_of(counts, dense(seed)), wanted) << mode;
        EXPECT_EQ(bits_of(recency, dense(seed)), wanted) << mode;
      }
    }
  }
}

/// bits with every f × f square of a plane made one by `or`.
BitMatrix pooled(const BitMatrix& bits, int f) {
  const int w = (kWidth + f - 1) / f, h = (kHeight + f - 1) / f;
  const std::size_t planes = bits.bits() / (kWidth * kHeight);
  BitMatrix out(bits.rows(), planes * static_cast<std::size_t>(w * h));
  for (std::size_t r = 0; r < bits.rows(); ++r) {
    for (std::size_t plane = 0; plane < planes; ++plane) {
      for (int y = 0; y < kHeight; ++y) {
        for (int x = 0; x < kWidth; ++x) {
          if (bits.get(r, plane * (kWidth * kHeight) + static_cast<std::size_t>(y * kWidth + x)))
            out.set(r, plane * static_cast<std::size_t>(w * h) + static_cast<std::size_t>(y / f * w + x / f));
        }
      }
    }
  }
  return out;
}

TEST(FrameValues, PoolingByOrIsPoolingOfBits) {
  for (const std::string values : {"bits", "recency", "time_surface"}) {  // of ages, too: the latest event decides
    for (const std::string& mode : kModes) {
      for (const int f : {2, 3, 20}) {
        FrameOptions options = options_for(values, mode);
        const BitMatrix fine = bits_of(options, dense(3));
        options.downsample = f;
        EXPECT_EQ(bits_of(options, dense(3)), pooled(fine, f)) << values << ' ' << mode << ' ' << f;
      }
    }
  }
}

TEST(FrameValues, DownsampleCountAsksForThatManyEvents) {
  for (const std::string& mode : kModes) {
    for (const int k : {1, 2, 5}) {
      FrameOptions options = options_for("bits", mode);
      options.downsample = 3;
      options.downsample_count = k;
      FrameMaker maker(options, kWidth, kHeight);
      BitMatrix bits;
      std::vector<std::int16_t> counts;
      const Events events = dense(static_cast<std::uint32_t>(k));
      maker.append_rows(events, bits);
      maker.append_counts(events, counts);
      for (std::size_t i = 0; i < counts.size(); ++i) ASSERT_EQ(bits.get(i / bits.bits(), i % bits.bits()), counts[i] >= k);
      EXPECT_NE(options.describe(), options_for("bits", mode).describe());
    }
  }
}

TEST(FrameValues, MergedPolaritiesAreTheOrOfBothOrTheirSum) {
  const std::size_t plane = kWidth * kHeight;
  for (const std::string values : {"bits", "recency", "time_surface"}) {
    for (const std::string& mode : kModes) {
      FrameOptions options = options_for(values, mode);
      const std::size_t levels = static_cast<std::size_t>(options.levels());
      const BitMatrix kept = bits_of(options, dense(5));
      options.polarity = "merge";
      const BitMatrix merged = bits_of(options, dense(5));
      ASSERT_EQ(merged.bits() * 2, kept.bits());
      for (std::size_t r = 0; r < merged.rows(); ++r) {
        for (std::size_t bit = 0; bit < merged.bits(); ++bit) {
          const std::size_t bin = bit / (levels * plane), off = bit + bin * levels * plane;
          ASSERT_EQ(merged.get(r, bit), kept.get(r, off) || kept.get(r, off + levels * plane)) << values << ' ' << mode;
        }
      }
    }
  }
  for (const std::string& mode : kModes) {  // counts: n OFF + m ON events are at least theta
    FrameOptions options = options_for("counts", mode);
    options.thresholds = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    FrameOptions merged_options = options;
    merged_options.polarity = "merge";
    const BitMatrix kept = bits_of(options, dense(6)), merged = bits_of(merged_options, dense(6));
    const auto height_of = [plane](const BitMatrix& bits, std::size_t r, std::size_t first) {
      std::size_t height = 0;
      while (height < 12 && bits.get(r, first + height * plane)) ++height;
      return height;
    };
    for (std::size_t r = 0; r < merged.rows(); ++r) {
      for (std::size_t bin = 0; bin < merged.bits() / (12 * plane); ++bin) {
        for (std::size_t pixel = 0; pixel < plane; ++pixel) {
          const std::size_t off = height_of(kept, r, 2 * bin * 12 * plane + pixel),
                            on = height_of(kept, r, (2 * bin + 1) * 12 * plane + pixel);
          ASSERT_EQ(height_of(merged, r, bin * 12 * plane + pixel), off + on) << mode;
        }
      }
    }
  }
}

TEST(FrameValues, VoxelSumsAreSignedEventSums) {
  // One pixel, thresholds in steps of 1/1024 from 1/1024 to 4: the height of the thermometer is the value itself.
  FrameOptions options = options_for("voxel");
  options.thresholds.clear();
  for (int j = 1; j <= 4 * 1024; ++j) options.thresholds.push_back(j / 1024.0);
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    for (const std::string polarity : {"keep", "merge"}) {
      options.polarity = polarity;
      const Events events = random_events(4, 1, 1, 1000, seed);
      std::int64_t sum = 0;
      for (const std::uint8_t p : events.p) sum += 1024 * (p != 0 || polarity == std::string("merge") ? 1 : -1);
      const BitMatrix bits = bits_of(options, events, 1, 1);
      std::int64_t found = 0;
      for (std::size_t bit = 0; bit < bits.bits(); ++bit) {
        const bool negative = polarity == std::string("keep") && bit / 4096 % 2 == 0;
        found += bits.get(0, bit) ? (negative ? -1 : 1) : 0;
      }
      EXPECT_EQ(found, sum) << polarity << ' ' << seed;
    }
  }
}

TEST(FrameValues, EmptyRecordingsAreEmptyFrames) {
  for (const std::string& values : kValues) {
    for (const std::string& mode : modes_of(values)) {
      const BitMatrix bits = bits_of(options_for(values, mode), {});
      EXPECT_EQ(bits.rows(), 1u);
      EXPECT_EQ(bits.count(), 0u) << values << ' ' << mode;
      // One event at the latest time there is.
      const Events late{{3}, {2}, {4294967295u}, {1}};
      EXPECT_GT(bits_of(options_for(values, mode), late).count(), 0u) << values << ' ' << mode;
      FrameOptions fine = options_for(values, mode);
      fine.bins = 40;  // more than there are events
      if (mode != "event_bins") continue;
      EXPECT_EQ(bits_of(fine, dense(1, 3)).rows(), 1u);
    }
  }
}

TEST(FrameValues, RowsAreAppendedAndDoNotDependOnWhatWasMadeBefore) {
  for (const std::string& values : kValues) {
    for (const std::string& mode : modes_of(values)) {
      const FrameOptions options = options_for(values, mode);
      FrameMaker maker(options, kWidth, kHeight);
      BitMatrix all;
      for (std::uint32_t seed = 0; seed < 3; ++seed) {
        const std::size_t before = all.rows();
        const std::size_t made = maker.append_rows(dense(seed), all);
        const BitMatrix alone = bits_of(options, dense(seed));
        ASSERT_EQ(made, alone.rows());
        for (std::size_t r = 0; r < made; ++r)
          EXPECT_TRUE(std::ranges::equal(all.row(before + r), alone.row(r))) << values << ' ' << mode;
      }
    }
  }
}

TEST(ValueHistogram, BucketsTileAllNumbers) {
  std::uint64_t next = 0;
  for (std::size_t bucket = 0; bucket < ValueHistogram::kBuckets; ++bucket) {
    const auto [least, most] = ValueHistogram::range_of(bucket);
    ASSERT_EQ(least, next);
    ASSERT_EQ(ValueHistogram::bucket_of(least), bucket);
    ASSERT_EQ(ValueHistogram::bucket_of(most), bucket);
    EXPECT_LE(static_cast<double>(most - least), static_cast<double>(least) / 64);
    next = most + 1;
  }
  EXPECT_EQ(next, 0u);  // past the largest of all
}

TEST(FitThresholds, QuantilesOfKnownValues) {
  ValueHistogram values;
  for (std::uint64_t v = 1; v <= 100; ++v) values.add(v);
  FrameOptions options = options_for("counts");
  options.thresholds.clear();
  options.quantiles = {0, 0.25, 0.5, 0.9};
  EXPECT_EQ(options.levels(), 4);
  EXPECT_EQ(fit_thresholds(options, values).thresholds, (std::vector<double>{1, 26, 51, 91}));
  options.values = "recency";
  options.quantiles = {0.25, 0.5, 1};
  EXPECT_EQ(fit_thresholds(options, values).thresholds, (std::vector<double>{25, 50, 4294967295.0}));
  options.values = "voxel";
  options.quantiles = {0, 0.5};
  EXPECT_EQ(fit_thresholds(options, values).thresholds, (std::vector<double>{1.0 / 1024, 51.0 / 1024}));
  // Mostly one value: thresholds stay apart.
  ValueHistogram ones;
  for (int i = 0; i < 1000; ++i) ones.add(1);
  options.values = "counts";
  options.quantiles = {0, 0.3, 0.6};
  EXPECT_EQ(fit_thresholds(options, ones).thresholds, (std::vector<double>{1, 2, 3}));
  EXPECT_THROW(fit_thresholds(options, {}), DataError);
}

TEST(FitThresholds, PassTheirShareOfTheValuesTheyWereFittedOn) {
  for (const std::string& values : kValues) {
    for (const std::string& mode : modes_of(values)) {
      FrameOptions options = options_for(values, mode);
      options.thresholds.clear();
      options.quantiles = {0.25, 0.5, 0.75};
      if (values == "counts") options.downsample = 5;  // many events a pixel
      SCOPED_TRACE(options.describe());
      FrameMaker unfitted(options, kWidth, kHeight);
      ValueHistogram seen;
      unfitted.add_values(dense(4, 3000), seen);
      BitMatrix bits;
      EXPECT_THROW(unfitted.append_rows(dense(4), bits), ConfigError);
      const FrameOptions fitted = fit_thresholds(options, seen);
      ASSERT_EQ(fitted.thresholds.size(), 3u);
      EXPECT_TRUE(fitted.fitted_quantiles().empty());
      EXPECT_EQ(fitted.values_fault(), "");
      EXPECT_EQ(channels(fitted), channels(options));
      FrameMaker maker(fitted, kWidth, kHeight);
      maker.append_rows(dense(4, 3000), bits);
      const auto plane = static_cast<std::size_t>(maker.width() * maker.height());
      std::map<std::size_t, double> passed;
      for (std::size_t r = 0; r < bits.rows(); ++r) {
        for (std::size_t bit = 0; bit < bits.bits(); ++bit) passed[bit / plane % 3] += bits.get(r, bit) ? 1 : 0;
      }
      for (std::size_t j = 0; j < 3; ++j) {
        const double share = passed[j] / static_cast<double>(seen.total()), q = options.quantiles[j];
        EXPECT_NEAR(share, values == "recency" ? q : 1 - q, values == "counts" ? 0.15 : 0.06) << "level " << j;
      }
    }
  }
}

TEST(FitThresholds, OfASurfaceReadBackAsTheSameAges) {
  FrameOptions options = options_for("time_surface");
  options.thresholds.clear();
  options.quantiles = {0, 0.2, 0.6, 0.9};
  FrameMaker unfitted(options, kWidth, kHeight);
  ValueHistogram seen;
  unfitted.add_values(dense(4), seen);
  FrameOptions by_surface = fit_thresholds(options, seen);
  // The same ages as thresholds of recency, on a recording that is one bin: there both are the same thing.
  FrameOptions by_age = options_for("recency");
  by_age.thresholds.clear();
  by_age.quantiles = {0.1, 0.4, 0.8, 1};
  by_age = fit_thresholds(by_age, seen);
  by_surface.bins = by_age.bins = 1;
  const BitMatrix a = bits_of(by_surface, dense(9)), b = bits_of(by_age, dense(9));
  const std::size_t plane = kWidth * kHeight;
  for (std::size_t bit = 0; bit < a.bits(); ++bit) {
    const std::size_t level = bit / plane % 4, other = bit + (3 - level) * plane - level * plane;
    ASSERT_EQ(a.get(0, bit), b.get(0, other)) << "bit " << bit;
  }
}

TEST(FrameValues, WrongOptionsAreRefused) {
  const auto refused = [](const std::function<void(FrameOptions&)>& change, const std::string& values = "counts") {
    FrameOptions options = options_for(values);
    change(options);
    EXPECT_NE(options.values_fault(), "");
    EXPECT_THROW(FrameMaker(options, 8, 8), ConfigError);
  };
  refused([](FrameOptions& o) { o.thresholds = {2, 1}; });
  refused([](FrameOptions& o) { o.thresholds = {1, 1}; });
  refused([](FrameOptions& o) { o.thresholds = {0.5, 1}; });
  refused([](FrameOptions& o) { o.quantiles = {0.5}; });  // and thresholds
  refused([](FrameOptions& o) { o.thresholds = {}, o.quantiles = {0.5, 1.5}; });
  refused([](FrameOptions& o) { o.downsample_count = 2; });
  refused([](FrameOptions& o) { o.downsample_count = 0; }, "bits");
  refused([](FrameOptions& o) { o.thresholds = {1}; }, "bits");
  refused([](FrameOptions& o) { o.quantiles = {0.5}; }, "bits");
  refused([](FrameOptions& o) { o.thresholds = {0.5, 1.5}; }, "time_surface");
  refused([](FrameOptions& o) { o.thresholds = {0}; }, "voxel");
  refused([](FrameOptions& o) { o.mode = "event_count"; }, "voxel");
  refused([](FrameOptions& o) { o.compat = "tonic"; }, "voxel");
  refused([](FrameOptions& o) { o.dtype = "float16"; });  // and thresholds
  refused([](FrameOptions& o) { o.dtype = "float16", o.thresholds = {}, o.quantiles = {0.5}; });
  refused([](FrameOptions& o) { o.dtype = "float16"; }, "bits");
  refused([](FrameOptions& o) { o.dtype = "float16", o.thresholds = {}, o.tau_us = 0; }, "time_surface");
  EXPECT_THROW(FrameMaker(options_for("count"), 8, 8), ConfigError);
}

TEST(FrameValues, DefaultsAndDescriptions) {
  std::map<std::string, std::string> seen;
  for (const std::string values : {"bits", "counts", "recency", "voxel", "time_surface"}) {
    FrameOptions options;
    options.values = values;
    EXPECT_EQ(options.values_fault(), "");
    EXPECT_GE(options.levels(), 1);
    EXPECT_TRUE(seen.emplace(options.describe(), values).second) << values;
    EXPECT_EQ(options.fitted_quantiles().empty(), values != std::string("recency") && values != std::string("voxel"));
  }
  FrameOptions one = options_for("counts"), other = one;
  other.thresholds.back() += 1e-9;
  EXPECT_NE(one.describe(), other.describe());
}

}  // namespace
}  // namespace dltonic::events
