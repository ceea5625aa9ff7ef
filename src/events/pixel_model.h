/// What all simulated sensors share: how light becomes a level, how thresholds differ between pixels, and what disturbs.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "dltonic/core/random.h"
#include "dltonic/events/simulator.h"
#include "events/pixel_events.h"

namespace dltonic::events {

/// Natural logarithm of a positive normal number to 1e-4 absolute (a polynomial over [1, 2) after the exponent is split off):
/// far below any threshold, and it vectorises.
inline float fast_log(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value);
  const auto biased_exponent = static_cast<float>(bits >> 23);
  const float m = std::bit_cast<float>((bits & 0x007FFFFF) | 0x3F800000);
  constexpr float kBias = 127 * 0.69314718f;
  return biased_exponent * 0.69314718f +
         (-1.7417939f - kBias + (2.8212026f + (-1.4699568f + (0.44717955f - 0.056570851f * m) * m) * m) * m);
}

/// The response of a pixel: the logarithm of the light, and below `floor` a line that meets it with its slope.
struct LinLog {
  explicit LinLog(double log_floor) : floor(static_cast<float>(log_floor)), slope(1 / floor), shift(std::log(floor) - 1) {}
  /// Above the floor the line lies over the logarithm, below it under the floor's.
  float operator()(float light) const { return std::min(light * slope + shift, fast_log(std::max(light, floor))); }
  float floor, slope, shift;
};

/// The sensor's pixels as they lie in memory: `row` to a row, of which the first `width` see; padded to whole lanes.
struct PixelGrid {
  std::size_t width, height, row;
  std::vector<std::uint16_t> column_of, row_of;  ///< [pixel]

  PixelGrid(std::size_t width_in, std::size_t height_in, std::size_t row_in);
  std::size_t pixels() const { return column_of.size(); }
};

/// ConfigError for thresholds, a floor or times out of their ranges.
void check_pixel_options(const SimulatorOptions& options);
/// Thresholds, and how far each pixel is from firing when the recording starts at levels.now. Beyond the sensor nothing fires.
void draw_pixels(const SimulatorOptions& options, const PixelGrid& grid, Random& random, PixelLevels& levels);
/// Moves events in time; what leaves [0, end_us] is lost, as in a cut.
void add_jitter(const SimulatorOptions& options, std::uint32_t end_us, Random& random, EventBuffer& buffer);
/// Background events at random over [0, end_us].
void add_noise(const SimulatorOptions& options, const PixelGrid& grid, std::uint32_t end_us, Random& random,
               EventBuffer& buffer);

}  // namespace dltonic::events
