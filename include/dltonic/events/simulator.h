/// Recordings from still images: the image moves before a simulated event camera along the three saccades of N-MNIST
/// (Orchard et al. 2015, Front. Neurosci. 9:437), its pixels fire as in ESIM (Rebecq et al. 2018). docs/simulator.md gives
/// the model and says how its defaults were fitted to real training recordings.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/events/recording.h"

namespace dltonic::events {

struct SimulatorOptions {
  double threshold_on = 0.4826;   ///< mean threshold of a pixel that becomes brighter, log intensity
  double threshold_off = 0.4725;  ///< darker
  double threshold_sd = 0.02;     ///< between pixels; a threshold is at least threshold_min
  double threshold_min = 0.01;
  double log_floor = 0.2;       ///< intensity (0 … 1) below which the response is linear, not logarithmic
  double blur_px = 0.2;         ///< sigma of the lens
  double lowpass_us = 3000;     ///< time constant of the photoreceptor
  double jitter_us = 2000;      ///< standard deviation of an event's time
  double refractory_us = 0;     ///< changes of a pixel within this after its last event are lost
  double noise_hz = 0.5;        ///< background events a pixel and second
  double noise_on_share = 0.9;  ///< of them that are ON
  bool dark_on_bright = true;   ///< a pixel of 255 is the darkest: so real recordings show the digits
  double knot_us = 14700;       ///< time between two corners of the path
  std::vector<double> path_x = {
      0.05, 0.1, 0.12, 0.36, 1.1,  2.2,  2.3,  2.44, 2.68, 3.6, 4.5, 4.83,
      5.2,  5.6, 5.95, 5.92, 4.71, 3.44, 2.11, 1.42, 1.09, 1.1};  ///< the image's upper left corner on the sensor, pixels, a
                                                                  ///< knot_us apart;
  std::vector<double> path_y = {
      1.57, 1.77, 2.65, 4.26, 5.77, 5.96, 6.22, 6.1,  6.05, 5.74, 3.99, 2.5,
      1.9,  1.8,  1.79, 1.78, 1.72, 1.55, 1.25, 1.07, 1.11, 1.11};  ///< between corners the speed is smooth (monotone cubic)
  std::uint64_t seed = 0;
  std::string exclude;       ///< file of train image indices to leave out (one a line, or a CSV's last column), or ""
  std::string exclude_rows;  ///< leave out only the rows that start with this, e.g. "Test/"; "": all

  /// Keys of section `data.simulator`.
  void bind(config::Section& section);
  /// Everything that changes the events (not `exclude…`), as one line: part of the cache key.
  std::string describe() const;
};

/// Makes recordings of images of one size. Draws are keyed by (seed, image index): any order and any rank makes the same
/// recording.
class Simulator {
 public:
  /// Throws ConfigError for options out of their ranges and for a path of unequal or too few corners.
  Simulator(const SimulatorOptions& options, int image_width, int image_height, int sensor_width = 34, int sensor_height = 34);
  ~Simulator();
  Simulator(Simulator&&) noexcept;
  Simulator& operator=(Simulator&&) noexcept;

  /// image [height][width], 0 … 255. Replaces `out`; times do not decrease. Any number of threads may call it at once.
  /// Throws DataError where the image has another size.
  void simulate(std::span<const std::uint8_t> image, std::uint32_t index, Events& out) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace dltonic::events
