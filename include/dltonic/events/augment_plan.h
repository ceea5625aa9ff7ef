/// What is drawn once for a recording in an epoch: which augmentations are on, with which numbers. A plan depends on no event,
/// so that the host can draw it and whoever has the events, host or GPU, carries it out (augment_steps.h says what each step
/// does).
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "dltonic/core/everywhere.h"
#include "dltonic/core/random.h"

namespace dltonic::events {

struct SensorSize;
struct AugmentationOptions;

/// A part of the sensor.
struct Box {
  int x = 0, y = 0, width = 0, height = 0;
};

/// Coefficients of x' = xx·x + xy·y, y' = yx·x + yy·y about the sensor's centre.
struct LinearMap {
  double xx = 1, xy = 0, yx = 0, yy = 1;
  static LinearMap rotation(double degrees);
  static LinearMap shear(double degrees);  ///< x' = x + tan(angle)·y
};

struct PlannedStep {
  enum class Kind : std::uint32_t {
    reverse_time,
    skew_time,    ///< value: factor
    delete_time,  ///< value: share of the duration; word: where
    jitter_time,  ///< value: standard deviation, us
    flip_x,
    flip_y,
    map_linear,    ///< map
    roll,          ///< dx, dy
    shift,         ///< dx, dy
    jitter_place,  ///< value: standard deviation, pixels
    flip_polarity,
    drop_events,  ///< value: probability
    drop_time,    ///< value: share of the duration; word: where
    drop_area,    ///< box
    add_noise,    ///< value: share of the recording's events
  };
  Kind kind = Kind::reverse_time;
  Use use = Use::test;  ///< of its random numbers, where it draws some for single events
  bool spares = false;  ///< drops: a recording of which nothing would be left stays as it is
  std::uint32_t word = 0;
  double value = 0;
  int dx = 0, dy = 0;
  Box box{};
  LinearMap map{};
};

/// The steps of one recording, in their order: at most kMostSteps.
using AugmentationPlan = std::vector<PlannedStep>;
constexpr std::size_t kMostSteps = 17;

/// Draws what is done to a recording in an epoch, into `plan`, whose memory is used again.
void plan_augmentation(const AugmentationOptions& options, SensorSize sensor, std::uint64_t seed, std::uint32_t epoch,
                       std::uint32_t recording, AugmentationPlan& plan);

/// Start and length of a span of this share of a recording's duration, anywhere inside, by a random word.
struct Span {
  std::uint32_t start_us = 0, length_us = 0;
};
DLTONIC_EVERYWHERE inline Span span_of(double share, std::uint32_t word, std::uint32_t duration_us) {
  const auto length = static_cast<std::uint32_t>(llround(share * duration_us));
  const std::uint64_t starts = std::uint64_t{duration_us} - length + 1;
  return {static_cast<std::uint32_t>(word * starts >> 32), length};
}

}  // namespace dltonic::events
