/// Augmentation of recordings before frames are cut from them. Each step is on with a probability of its own and draws from
/// (seed, its use, epoch, recording): a recording is changed alike on any number of ranks and threads, and turning one step
/// on or off changes no other's draws. Steps and sources: augment_steps.h; docs/augmentation.md says which suit which data.
///
/// Order: time (reverse_time, time_skew, delete_time, time_jitter), place (flip_x, flip_y, shear, rotate, roll, shift,
/// spatial_jitter), flip_polarity, drops (drop, drop_time, drop_area, event_drop), noise.
#pragma once

#include <cstdint>
#include <string>

#include "dltonic/config/section.h"
#include "dltonic/events/augment_steps.h"

namespace dltonic::events {

/// 0 is off everywhere. A step with a size of its own happens with probability <name>_p, one without has its probability
/// as value.
struct AugmentationOptions {
  double reverse_time = 0;  ///< probability
  double time_skew = 0;     ///< factor in [1 − time_skew, 1 + time_skew]
  double time_skew_p = 1;
  double delete_time = 0;  ///< share of the duration
  double delete_time_p = 1;
  double time_jitter_us = 0;  ///< standard deviation
  double time_jitter_p = 1;
  double flip_x = 0;  ///< probability
  double flip_y = 0;  ///< probability
  double shear = 0;   ///< degrees, up to, either way
  double shear_p = 1;
  double rotate = 0;  ///< degrees, up to, either way
  double rotate_p = 1;
  int roll = 0;  ///< pixels, up to, either way, in x and in y
  double roll_p = 1;
  int shift = 0;  ///< pixels, up to, either way, in x and in y
  double shift_p = 1;
  double spatial_jitter = 0;  ///< standard deviation, pixels
  double spatial_jitter_p = 1;
  double flip_polarity = 0;  ///< probability
  double drop = 0;           ///< probability of each event
  double drop_p = 1;
  double drop_time = 0;  ///< share of the duration
  double drop_time_p = 1;
  double drop_area = 0;  ///< share of the sensor's area
  double drop_area_p = 1;
  double event_drop = 0;  ///< probability of one of the three, with random shares
  double noise = 0;       ///< events added, as a share of the recording's
  double noise_p = 1;
  // Of two recordings: by whoever has others at hand (data/event_frames.h), after all steps, which both go through.
  double event_mix = 0;  ///< probability
  double cut_mix = 0;    ///< probability of one where it is not event_mix; their sum is at most 1
  double mix_alpha = 1;  ///< the share that mixing keeps of a recording is drawn from Beta(alpha, alpha)

  /// Keys of section `data.augmentation.events`.
  void bind(config::Section& section);
  bool any() const;
  bool mixes() const { return event_mix > 0 || cut_mix > 0; }
  /// The steps that are on, in their order, for the log; "" for none.
  std::string describe() const;
};

/// Augments recordings of one sensor, keeping its memory between them. One for each thread.
class Augmenter {
 public:
  Augmenter(const AugmentationOptions& options, SensorSize sensor, std::uint64_t seed);

  /// In place. Events must lie inside the sensor and times must not decrease; both hold afterwards.
  void apply(Events& events, std::uint32_t epoch, std::uint32_t recording) {
    apply(plan(epoch, recording), events, epoch, recording);
  }
  /// What apply() does, drawn before the events are at hand; and done.
  AugmentationPlan plan(std::uint32_t epoch, std::uint32_t recording) const;
  void apply(const AugmentationPlan& plan, Events& events, std::uint32_t epoch, std::uint32_t recording);

 private:
  AugmentationOptions options_;
  SensorSize sensor_;
  std::uint64_t seed_;
  AugmentMemory memory_;
};

}  // namespace dltonic::events
