/// What a data set holds, counted recording by recording: for `dltonic stats`. Of the raw recordings, before filters; only the
/// bits are those of the frames that training would read.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/data/batch.h"
#include "dltonic/data/options.h"

namespace dltonic::data {

/// Events by place. [polarity (OFF, ON)][row][column]
struct HeatMap {
  int width = 0, height = 0;  ///< cells
  int cell = 1;               ///< a cell is cell × cell pixels
  std::array<std::vector<std::int64_t>, 2> events;
};

/// Of one class in one split.
struct ClassStatistics {
  std::vector<std::int64_t> events_by_ms;  ///< [millisecond since a recording's first event], over all recordings
  HeatMap map;                             ///< at most 64 cells a side
};

struct SplitStatistics {
  std::string name;                        ///< train, val, test
  std::vector<ClassStatistics> classes;    ///< [class]
  HeatMap map;                             ///< a cell a pixel
  std::vector<std::int64_t> channel_bits;  ///< [channel] bits set in all frames; of half floats: numbers not zero
};

struct RecordingStatistics {
  std::uint32_t item = 0;  ///< in the source's order
  std::uint16_t label = 0;
  std::uint16_t split = 0;  ///< index into DataStatistics::splits
  std::uint32_t duration_us = 0, samples = 0;
  std::uint64_t events = 0, on = 0;
  std::uint64_t bits = 0;                  ///< likewise, in all its frames
  std::array<std::uint64_t, 2> content{};  ///< of a hash of its events: equal for duplicates
};

struct DataStatistics {
  std::string name, source;  ///< source: as RecordingSource::describe
  std::vector<std::string> classes;
  int width = 0, height = 0;
  FrameShape frame;
  std::vector<SplitStatistics> splits;
  std::vector<RecordingStatistics> recordings;  ///< in the source's order, damaged ones left out
  std::vector<std::string> names;               ///< [item]
  std::vector<std::string> skipped;             ///< "name: reason", with data.on_error skip

  /// Groups of recordings with the same events (two events at least), as indices into `recordings`.
  std::vector<std::vector<std::size_t>> duplicates() const;
};

/// Reads every recording once; ranks and threads share them. The result is the same on any number of them, and on every rank.
/// Archives that cannot be read in place are unpacked into `project`, as prepare does. DataError for damaged recordings unless
/// data.on_error is skip, ConfigError where data.kind is not recordings, StopError where a stop is wished; agreed. collective
DataStatistics collect_statistics(comm::World& world, const Options& options, const std::filesystem::path& project,
                                  Progress& progress);

/// As one JSON object (docs/datasets.md gives its keys): counts, quantiles, rates in at most 200 steps of time, maps.
std::string to_json(const DataStatistics& statistics);

}  // namespace dltonic::data
