/// Augmentation of frames. Every draw is keyed by (seed, epoch, sample), so a sample is changed alike on any number
/// of ranks and threads, and on a GPU.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "dltonic/config/section.h"
#include "dltonic/data/augmentation_draw.h"
#include "dltonic/data/batch.h"

namespace dltonic::data {

struct AugmentationOptions {
  int shift = 0;           ///< pixels
  bool flip_x = false;     ///< mirror left and right with probability 1/2
  bool flip_y = false;     ///< mirror top and bottom with probability 1/2
  double drop = 0;         ///< share of the set bits that is cleared
  double salt_pepper = 0;  ///< share of bits replaced by a random bit
  void bind(config::Section& s);
  /// What cannot be done to frames of half floats, which can be shifted and mirrored top to bottom; or "".
  std::string fault_of_numbers() const;
  bool any() const { return shift > 0 || flip_x || flip_y || drop > 0 || salt_pepper > 0; }
};

class Augmentation {
 public:
  Augmentation(const AugmentationOptions& options, const FrameShape& shape, std::uint64_t seed);

  const AugmentationParameters& parameters() const { return parameters_; }
  AugmentationDraw draw(std::uint32_t epoch, std::uint32_t sample) const { return data::draw(parameters_, epoch, sample); }
  /// `out` (all zero, one row) becomes `in` flipped, then shifted by (dx, dy) with zeros coming in; then bits are dropped,
  /// and what is left is salted.
  void apply(std::span<const std::uint64_t> in, std::span<std::uint64_t> out, std::uint32_t epoch, std::uint32_t sample) const;

 private:
  AugmentationParameters parameters_;
};

}  // namespace dltonic::data
