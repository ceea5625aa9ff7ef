// Thresholds that prepare fits: those of a plain walk over the recordings that train, on any number of ranks, and kept in the
// frames file.
#include <gtest/gtest.h>

#include <filesystem>

#include "data/framer.h"
#include "dltonic/core/error.h"
#include "dltonic/data/cache.h"
#include "dltonic/data/prepare.h"
#include "dltonic/store/frame_file.h"
#include "mpi/data/folder_test.h"
#include "support/mpi_world.h"
#include "support/simulated_fixture.h"

namespace dltonic::data {
namespace {

using test::world;

Options options_for(const std::string& values, bool store_events) {
  Options options = test::simulated_fixture();
  options.store_events = store_events;
  options.frames.values = values;
  options.splits.val_split = 0.3;
  options.filters.denoise_us = 20000;
  return options;
}

class FitFrames : public FolderTest {
 protected:
  PrepareResult prepared(const Options& options) {
    Progress silent;
    return prepare(world(), options, folder_, silent);
  }
};

TEST_F(FitFrames, ThresholdsAndFramesAreThoseOfAWalkOverWhatTrains) {
  for (const std::string values : {"recency", "voxel", "counts", "time_surface"}) {
    for (const bool store_events : {true, false}) {
      SCOPED_TRACE(values + (store_events ? ", events file" : ", straight"));
      Options options = options_for(values, store_events);
      options.frames.quantiles = {0, 0.4, 0.8};
      const auto file = prepared(options).file.frames;

      const auto source = events::make_source(options.source);
      std::vector<std::uint16_t> labels;
      std::vector<events::Split> published;
      for (const auto& item : source->items()) {
        labels.push_back(item.label);
        published.push_back(item.split);
      }
      const Splits splits = make_splits(labels, published, options.splits);
      ASSERT_FALSE(splits.val.empty());
      const events::SensorSize sensor{source->width(), source->height()};
      Framer unfitted(options.filters, options.frames, sensor);
      events::ValueHistogram seen;
      events::Recording recording;
      for (const std::uint32_t i : splits.train) {
        source->read(i, recording);
        unfitted.filters.apply(recording.events);
        unfitted.maker.add_values(recording.events, seen);
      }
      const events::FrameOptions fitted = events::fit_thresholds(options.frames, seen);
      BitMatrix wanted, found;
      Framer framer(options.filters, fitted, sensor);
      for (std::size_t i = 0; i < source->size(); ++i) {
        source->read(i, recording);
        framer.filters.apply(recording.events);
        framer.maker.append_rows(recording.events, wanted);
      }
      const store::FrameFileReader reader(file);
      EXPECT_EQ(reader.info().thresholds, fitted.thresholds);
      reader.read_rows(0, reader.samples(), found);
      EXPECT_EQ(found, wanted);
      EXPECT_GT(found.count(), 0u);
    }
  }
}

TEST_F(FitFrames, TheSplitsArePartOfTheKeyOnlyWhereThresholdsAreFitted) {
  Options fitted = options_for("voxel", false), given = fitted;
  given.frames.thresholds = {0.5, 1};
  const auto key = [&](Options options, std::uint64_t seed) {
    options.splits.split_seed = seed;
    return prepared_file(options, folder_, "content").settings;
  };
  EXPECT_NE(key(fitted, 0), key(fitted, 1));
  EXPECT_EQ(key(given, 0), key(given, 1));
  EXPECT_NE(key(given, 0), key(fitted, 0));
}

TEST_F(FitFrames, GivenThresholdsAreKeptAndNothingIsFittedTwice) {
  Options options = options_for("counts", false);
  const PrepareResult first = prepared(options), second = prepared(options);
  EXPECT_FALSE(first.cached);
  EXPECT_TRUE(second.cached);
  EXPECT_EQ(store::FrameFileReader(first.file.frames).info().thresholds, (std::vector<double>{1, 2, 4, 8}));
  options.frames = {};
  EXPECT_EQ(store::FrameFileReader(prepared(options).file.frames).info().thresholds, (std::vector<double>{1}));
}

TEST_F(FitFrames, RecordingsWithoutEventsAreRefusedOnAllRanks) {
  Options options = options_for("voxel", false);
  options.filters.end_us = 1;  // nothing happens in the first microsecond
  options.filters.denoise_us = 1;
  EXPECT_THROW(prepared(options), DataError);
}

}  // namespace
}  // namespace dltonic::data
