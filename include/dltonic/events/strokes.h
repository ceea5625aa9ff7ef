/// Gesture-like recordings whose classes differ in temporal order alone. A recording is four strokes of a bright spot across
/// the sensor: to the right along the upper third, down along the right third, to the left along the lower third, up along the
/// left third. A class is an order of the four. Recordings come in groups of one a class, in which place, curve, size and tempo
/// of the strokes, thresholds and noise are the same to the event: summed over time, the classes of a group are equal, and
/// nothing but the order tells them apart.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/events/recording.h"
#include "dltonic/events/simulator.h"

namespace dltonic::events {

struct StrokeOptions {
  int classes = 11;  ///< 2 … 24 orders of four strokes
  int train = 100;   ///< recordings a class
  int test = 25;
  double stroke_us = 300000;  ///< mean time of a stroke
  double spot = 0.1;          ///< radius, share of the sensor's shorter side
  double variation = 0.2;     ///< of size, place and tempo between groups, relative

  /// Keys of section `data.strokes`.
  void bind(config::Section& section);
  /// Everything that changes the events, as one line: part of the cache key.
  std::string describe() const;
};

/// The order of the strokes 0 … 3 of a class, the classes spread over the 24 orders in the order of a dictionary.
std::array<int, 4> stroke_order(int label, int classes);

/// Makes recordings. Draws are keyed by (simulator.seed, group). The pixels are those of `simulator`, its path is not used.
class StrokeSimulator {
 public:
  /// Throws ConfigError for options out of their ranges, or a sensor of less than 8 pixels a side.
  StrokeSimulator(const StrokeOptions& options, const SimulatorOptions& pixels, int sensor_width, int sensor_height);
  ~StrokeSimulator();
  StrokeSimulator(StrokeSimulator&&) noexcept;
  StrokeSimulator& operator=(StrokeSimulator&&) noexcept;

  /// The recording of a class in a group. Replaces `out`; times do not decrease. Any number of threads may call it at once.
  void simulate(std::uint32_t group, int label, Events& out) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace dltonic::events
