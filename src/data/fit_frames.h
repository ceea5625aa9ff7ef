/// Thresholds of frames that are fitted on the recordings at hand.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/data/options.h"
#include "dltonic/data/splits.h"

namespace dltonic::data {

/// The recordings to fit on, as the splits see them.
struct FitRecordings {
  /// Adds one.
  void add(std::uint16_t label, events::Split split, std::uint16_t subject, const std::string& source) {
    labels.push_back(label);
    published.push_back(split);
    subjects.push_back(subject);
    sources.push_back(source);
  }
  Splits splits(const SplitOptions& options) const { return make_splits(labels, published, options, {subjects, sources}); }

  std::vector<std::uint16_t> labels;     ///< [recording]
  std::vector<events::Split> published;  ///< [recording]
  std::vector<std::uint16_t> subjects;   ///< [recording] 65535: none
  std::vector<std::string> sources;      ///< [recording]
  events::SensorSize sensor;
  /// Recordings [first, first + count), unfiltered. Called by one thread.
  std::function<std::vector<events::Recording>(std::size_t first, std::size_t count)> read;
};

/// options.frames with thresholds in place of quantiles, by the values of all recordings that train (make_splits: neither
/// those that validate nor those that test). Sums of integers over ranks: the same on any number of them. DataError where no
/// recording that trains has an event, agreed. collective
events::FrameOptions fit_frames(comm::World& world, const Options& options, const FitRecordings& recordings,
                                Progress& progress);

}  // namespace dltonic::data
