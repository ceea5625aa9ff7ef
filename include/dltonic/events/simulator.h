/// Recordings from still images: the image moves before a simulated event camera along the three saccades of N-MNIST
/// (Orchard et al. 2015, Front. Neurosci. 9:437), or round a closed loop in the manner of CIFAR10-DVS (Li et al. 2017, Front.
/// Neurosci. 11:309); its pixels fire as in ESIM (Rebecq et al. 2018). docs/simulator.md gives the model and says how its
/// defaults were fitted to real training recordings.
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
  double threshold_on = 0.3725;   ///< mean threshold of a pixel that becomes brighter, log intensity
  double threshold_off = 0.3624;  ///< darker
  double threshold_sd = 0.03;     ///< between pixels; a threshold is at least threshold_min
  double threshold_min = 0.01;
  double log_floor = 0.211;        ///< intensity (0 … 1) below which the response is linear, not logarithmic
  double blur_px = 0.42;           ///< sigma of the lens
  double lowpass_us = 4530;        ///< time constant of the photoreceptor
  double jitter_us = 0;            ///< standard deviation of an event's time
  double refractory_us = 900;      ///< changes of a pixel within this after its last event are lost
  double noise_hz = 0.42;          ///< background events a pixel and second
  double noise_on_share = 1;       ///< of them that are ON
  bool dark_on_bright = true;      ///< a pixel of 255 is the darkest: so real recordings show the digits
  std::string motion = "saccade";  ///< saccade: along path_x, path_y; loop: loops times round a rhombus
  double loop_px = 4;              ///< loop: from the sensor's middle to a corner of the rhombus
  double loop_us = 200000;         ///< loop: time of one round
  int loops = 6;
  int image_width = 0, image_height = 0;  ///< images are scaled to this many pixels of the sensor; 0: as they are
  double knot_us = 14700;                 ///< time between two corners of the path
  std::vector<double> path_x = {
      0.35, 0.28, 0.25, 0.40, 1.17, 2.18, 2.26, 2.42, 2.64, 3.48, 4.39, 4.71,
      5.43, 5.58, 5.90, 6.14, 5.17, 3.69, 1.95, 1.18, 0.41, 0.64};  ///< the image's upper left corner on the sensor, pixels, a
                                                                    ///< knot_us apart;
  std::vector<double> path_y = {
      1.43, 1.69, 2.65, 4.38, 5.89, 6.46, 6.51, 6.26, 6.31, 5.75, 4.18, 2.43,
      1.22, 1.24, 1.48, 1.35, 1.39, 1.46, 1.31, 1.16, 1.17, 1.10};  ///< between corners the speed is smooth (monotone cubic)
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
