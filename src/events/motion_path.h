/// The way of the image across the sensor, in steps short enough for pixels to be taken as linear between them.
#pragma once

#include <vector>

#include "dltonic/events/simulator.h"

namespace dltonic::events {

/// Where the image's upper left corner on the sensor is, knot_us apart.
struct MotionCorners {
  std::vector<double> x, y;
  double knot_us = 0;
};

/// saccade: the corners in the options. loop: round and round a rhombus of half diagonals loop_px about the sensor's middle,
/// a quarter of loop_us from corner to corner. Throws ConfigError for another word.
MotionCorners motion_corners(const SimulatorOptions& options, int image_width, int image_height, int sensor_width,
                             int sensor_height);

struct PathStep {
  double t_us, x, y;
};

/// Steps from time 0 to the last corner, none longer than `longest_px` or `longest_us`. Between corners x and y follow
/// monotone cubics (Fritsch and Carlson 1980): smooth speed, no overshoot, rest where the direction turns.
std::vector<PathStep> motion_path(const MotionCorners& corners, double longest_px, double longest_us);

}  // namespace dltonic::events
