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
  double threshold_on = 0.2;  ///< mean contrast threshold, log intensity
  double threshold_off = 0.2;
  double threshold_sd = 0.03;  ///< between pixels
  double threshold_min = 0.01;
  double log_floor = 20.0 / 255.0;  ///< intensity (0 … 1) below which the response is linear
  double blur_px = 0;               ///< sigma of the lens
  double lowpass_us = 0;            ///< time constant of the photoreceptor
  double latency_us = 0;            ///< from the light to the event
  double jitter_us = 0;             ///< standard deviation of the latency between events
  double refractory_us = 0;
  double noise_hz = 0;  ///< background events a pixel and second
  double saccade_us = 105000;
  double motion_share = 1;                      ///< share of a saccade in which the image moves
  std::vector<double> path_x = {0, 3.5, 7, 0};  ///< corners of the path, sensor pixels; one saccade between two corners
  std::vector<double> path_y = {0, 7, 0, 0};
  double shift_x = 0, shift_y = 0;  ///< added to the path; at (0, 0) the image lies at the sensor's upper left corner
  std::uint64_t seed = 0;
  std::string exclude;  ///< file of train image indices to leave out, or ""

  /// Keys of section `data.simulator`.
  void bind(config::Section& section);
  /// Everything that changes the events (not `exclude`), as one line: part of the cache key.
  std::string describe() const;
};

/// Makes recordings of images of one size. Draws are keyed by (seed, image index): any order and any rank makes the same
/// recording. Not for use by several threads at once.
class Simulator {
 public:
  /// Throws ConfigError for a path of unequal or too few corners, or where the image leaves the sensor's reach altogether.
  Simulator(const SimulatorOptions& options, int image_width, int image_height, int sensor_width = 34, int sensor_height = 34);
  ~Simulator();
  Simulator(Simulator&&) noexcept;
  Simulator& operator=(Simulator&&) noexcept;

  /// image [height][width], 0 … 255. Replaces `out`; times do not decrease.
  void simulate(std::span<const std::uint8_t> image, std::uint32_t index, Events& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dltonic::events
