/// The way of the image across the sensor, in steps short enough for pixels to be taken as linear between them.
#pragma once

#include <vector>

#include "dltonic/events/simulator.h"

namespace dltonic::events {

struct PathStep {
  double t_us, x, y;
};

/// Steps from time 0 to the last corner, none longer than `longest_px` or `longest_us`. Between corners x and y follow
/// monotone cubics (Fritsch and Carlson 1980): smooth speed, no overshoot, rest where the direction turns.
std::vector<PathStep> saccade_path(const SimulatorOptions& options, double longest_px, double longest_us);

}  // namespace dltonic::events
