#include "events/motion_path.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

/// Slopes (a knot) of the monotone cubic through equally spaced values: the harmonic mean of the neighbouring slopes, 0 at
/// turning points and at both ends.
std::vector<double> monotone_slopes(const std::vector<double>& values) {
  std::vector<double> slopes(values.size(), 0.0);
  for (std::size_t i = 1; i + 1 < values.size(); ++i) {
    const double before = values[i] - values[i - 1], after = values[i + 1] - values[i];
    if (before * after > 0) slopes[i] = 2 * before * after / (before + after);
  }
  return slopes;
}

/// Hermite cubic between two knots, u in [0, 1].
double hermite(double from, double to, double slope_from, double slope_to, double u) {
  const double u2 = u * u, u3 = u2 * u;
  return (2 * u3 - 3 * u2 + 1) * from + (u3 - 2 * u2 + u) * slope_from + (3 * u2 - 2 * u3) * to + (u3 - u2) * slope_to;
}

}  // namespace

MotionCorners motion_corners(const SimulatorOptions& options, int image_width, int image_height, int sensor_width,
                             int sensor_height) {
  if (options.motion == "saccade") return {options.path_x, options.path_y, options.knot_us};
  if (options.motion != "loop")
    throw ConfigError(cat("data.simulator.motion: unknown motion \"", options.motion, "\"; use saccade or loop"));
  constexpr std::array<double, 4> kAcross{0, 1, 0, -1}, kDown{-1, 0, 1, 0};
  const double middle_x = 0.5 * (sensor_width - image_width), middle_y = 0.5 * (sensor_height - image_height);
  MotionCorners corners;
  corners.knot_us = options.loop_us / 4;
  for (std::size_t i = 0; i <= 4 * static_cast<std::size_t>(std::max(1, options.loops)); ++i) {
    corners.x.push_back(middle_x + options.loop_px * kAcross[i % 4]);
    corners.y.push_back(middle_y + options.loop_px * kDown[i % 4]);
  }
  return corners;
}

std::vector<PathStep> motion_path(const MotionCorners& corners, double longest_px, double longest_us) {
  const std::vector<double>&px = corners.x, &py = corners.y;
  const std::vector<double> sx = monotone_slopes(px), sy = monotone_slopes(py);
  std::vector<PathStep> steps{{0, px[0], py[0]}};
  for (std::size_t k = 0; k + 1 < px.size(); ++k) {
    // Peak speed within a piece is at most three times its mean (bounded slopes), mostly half of that: the count is checked
    // by trying, not by a bound.
    const auto at = [&](double u) {
      return PathStep{(static_cast<double>(k) + u) * corners.knot_us, hermite(px[k], px[k + 1], sx[k], sx[k + 1], u),
                      hermite(py[k], py[k + 1], sy[k], sy[k + 1], u)};
    };
    int pieces = std::max(1, static_cast<int>(std::ceil(corners.knot_us / longest_us)));
    for (;; ++pieces) {
      double longest = 0;
      for (int i = 0; i < pieces; ++i) {
        const PathStep a = at(static_cast<double>(i) / pieces), b = at(static_cast<double>(i + 1) / pieces);
        longest = std::max(longest, std::hypot(b.x - a.x, b.y - a.y));
      }
      if (longest <= longest_px || pieces >= 4096) break;
    }
    for (int i = 1; i <= pieces; ++i) steps.push_back(at(static_cast<double>(i) / pieces));
  }
  return steps;
}

}  // namespace dltonic::events
