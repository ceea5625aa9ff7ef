/// Where training's numbers go. `train` only knows this interface; `report` writes them to files and screens.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dltonic::train {

/// What is known of one split after one step: reduced over all ranks already.
struct MetricPoint {
  std::string split;                                    ///< "train", "val" or "test"
  std::int64_t step = 0;                                ///< optimiser steps done since the run began
  int epoch = 0;                                        ///< epochs finished
  std::vector<std::pair<std::string, double>> scalars;  ///< by name, in the order they are shown; fractions, not percent
};

/// Lives on rank 0 only.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  /// Throws StorageError where the point cannot be kept.
  virtual void write(const MetricPoint& point) = 0;
  /// All points written so far survive the end of the process.
  virtual void flush() {}
};

}  // namespace dltonic::train
