/// What calibrate_simulator compares: where and when the events of real and of simulated recordings of the same images are.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dltonic/events/idx.h"
#include "dltonic/events/recording.h"
#include "dltonic/events/simulator.h"

namespace dltonic::calibration {

constexpr int kSide = 34;
constexpr std::size_t kPixels = kSide * kSide;
constexpr int kBins = 21;  ///< of 15 ms, for the fit
constexpr std::uint32_t kBinUs = 15000;
constexpr std::size_t kChannels = 2 * kBins;

/// A real recording and the image that it shows.
struct Pair {
  std::string name;
  int label = 0;
  std::uint32_t image = 0;
  events::Events real;
};

/// Events by channel (time bin · 2 + polarity) and pixel, summed over 3 × 3 pixels, so that near misses count.
using Map = std::vector<float>;  // [kChannels][kSide][kSide]
Map smoothed_map(const events::Events& events);

/// One figure for how far simulated recordings are from the real ones: over channels, weighted by their real events,
/// 1 − cosine of the maps (place), squared log ratio of the events (time profile, polarity), and squared log ratio of the
/// bits of 10-bin frames (how often a pixel fires again). 0: equal.
class Objective {
 public:
  Objective(const std::vector<Pair>& pairs, const events::IdxImages& images);
  double operator()(const events::SimulatorOptions& options) const;

 private:
  const std::vector<Pair>& pairs_;
  const events::IdxImages& images_;
  std::vector<Map> real_;
  std::array<double, kChannels> real_events_{};
  double real_bits_ = 0;
};

/// Bits of the frames that training reads by default (10 time bins, both polarities) summed over recordings.
struct FrameStatistics {
  std::array<double, 20> bits{}, sum_x{}, sum_y{}, sum_xx{}, sum_yy{};  ///< by channel
  std::array<double, 10> class_events{}, class_recordings{};
  std::array<double, kBins> profile{};
  double on = 0, events = 0, first_us = 0, last_us = 0, recordings = 0;

  void add(const events::Events& events, int label, double centre_x, double centre_y);
};

}  // namespace dltonic::calibration
