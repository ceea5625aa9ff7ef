/// Augmentation of events with every step in it, each on for some recordings.
#pragma once

#include "dltonic/events/augment.h"

namespace dltonic::test {

inline events::AugmentationOptions every_augmentation() {
  return {.reverse_time = 0.5,
          .time_skew = 0.5,
          .delete_time = 0.2,
          .delete_time_p = 0.7,
          .time_jitter_us = 900,
          .flip_x = 0.5,
          .flip_y = 0.5,
          .shear = 10,
          .rotate = 15,
          .roll = 2,
          .shift = 3,
          .spatial_jitter = 1,
          .flip_polarity = 0.5,
          .drop = 0.2,
          .drop_time = 0.1,
          .drop_area = 0.1,
          .event_drop = 0.5,
          .noise = 0.2,
          .event_mix = 0.4,
          .cut_mix = 0.3};
}

}  // namespace dltonic::test
