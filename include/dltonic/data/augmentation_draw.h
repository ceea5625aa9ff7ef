/// What is drawn when a frame is augmented: one definition for the host and for kernels.
#pragma once

#include <cstdint>

#include "dltonic/core/random.h"
#include "dltonic/data/batch.h"

namespace dltonic::data {

/// Options and seed in the form that kernels take by value.
struct AugmentationParameters {
  FrameShape shape;  ///< whose pixels are bits: a line of width × depth of them
  int depth = 1;     ///< bits that move together
  int shift = 0;
  bool flip_x = false, flip_y = false;
  std::uint32_t drop = 0;   ///< probability × 2^32 that a set bit is cleared
  std::uint32_t flips = 0;  ///< probability × 2^32 that a bit changes (salt and pepper)
  std::uint64_t seed = 0;

  constexpr bool moves() const { return shift > 0 || flip_x || flip_y; }
};

/// Where the bits of one sample go.
struct AugmentationDraw {
  int dx = 0, dy = 0;
  bool flip_x = false, flip_y = false;
};

constexpr AugmentationDraw draw(const AugmentationParameters& p, std::uint32_t epoch, std::uint32_t sample) {
  Random random(p.seed, Use::augment, epoch, sample);
  AugmentationDraw d;
  if (p.shift > 0) {
    d.dx = p.depth * random.between(-p.shift, p.shift);
    d.dy = random.between(-p.shift, p.shift);
  }
  if (p.flip_x) d.flip_x = random.below(2) == 1;
  if (p.flip_y) d.flip_y = random.below(2) == 1;
  return d;
}

}  // namespace dltonic::data
