/// Augmentation of bit frames. Every draw is keyed by (seed, epoch, sample), so a sample is changed alike on any number
/// of ranks and threads.
#pragma once

#include <cstdint>
#include <span>

#include "dltonic/config/section.h"
#include "dltonic/data/batch.h"

namespace dltonic::data {

struct AugmentationOptions {
  int shift = 0;           ///< pixels
  bool flip_x = false;     ///< mirror left and right with probability 1/2
  bool flip_y = false;     ///< mirror top and bottom with probability 1/2
  double salt_pepper = 0;  ///< share of bits replaced by a random bit
  void bind(config::Section& s);
  bool any() const { return shift > 0 || flip_x || flip_y || salt_pepper > 0; }
};

/// What is drawn for one sample; apart from applying it so that tests and other devices can make the same draw.
struct AugmentationDraw {
  int dx = 0, dy = 0;
  bool flip_x = false, flip_y = false;
};

class Augmentation {
 public:
  Augmentation(const AugmentationOptions& options, const FrameShape& shape, std::uint64_t seed)
      : options_(options), shape_(shape), seed_(seed) {}

  AugmentationDraw draw(std::uint32_t epoch, std::uint32_t sample) const;
  /// `out` (all zero, one row) becomes `in` flipped, then shifted by (dx, dy) with zeros coming in, then salted.
  void apply(std::span<const std::uint64_t> in, std::span<std::uint64_t> out, std::uint32_t epoch, std::uint32_t sample) const;

 private:
  AugmentationOptions options_;
  FrameShape shape_;
  std::uint64_t seed_;
};

}  // namespace dltonic::data
