/// Two recordings in one, with a label that is shared between theirs: CutMix (Yun et al., ICCV 2019), a box of the sensor
/// comes from the second recording; EventMix (Shen et al., Information Sciences 644, 2023; arXiv:2205.12054), what lies
/// inside a random mixture of Gaussians in space and time comes from the second, and labels are shared by numbers of
/// events.
///
/// Times count from each recording's own first event; what comes from the second is moved to the first one's clock. The
/// result is in order of time, events of the first before those of the second.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "dltonic/core/everywhere.h"
#include "dltonic/core/random.h"
#include "dltonic/events/augment_steps.h"

namespace dltonic::events {

/// Beta(alpha, alpha), in [0, 1]: the share that mixing draws; alpha 1 is uniform. alpha > 0.
double draw_beta(double alpha, Random& random);

/// 1 − area of the box / area of the sensor.
double share_outside(const Box& box, SensorSize sensor);
/// `first` becomes itself outside of the box and `second` inside. Returns the share of the first one's label: share_outside().
/// (draw_box(1 − share, …) draws a box.)
double cut_mix(Events& first, const Events& second, const Box& box, SensorSize sensor, AugmentMemory& memory);

/// What is drawn for a mask: 1 to 3 Gaussians with centres anywhere and standard deviations of 0.1 to 0.4 of each axis. The
/// cells where their sum is largest are of the mask, `share` of all (to one cell, where no two are equal).
struct MixShape {
  static constexpr int kSide = 16, kCells = kSide * kSide * kSide, kMostGaussians = 3;
  std::int32_t gaussians = 0;
  std::uint32_t wanted = 0;                   ///< cells
  float axes[kMostGaussians][3][kSide] = {};  ///< [Gaussian][t, y, x]: it is their product
  static MixShape draw(double share, Random& random);

  /// The sum in a cell, [t][y][x]. Fused, so that host and kernels round alike.
  DLTONIC_EVERYWHERE float density(int cell) const {
    float sum = 0;
    for (int g = 0; g < gaussians; ++g) {
      const auto& [t, y, x] = axes[g];
      sum = fmaf(t[cell / kSide / kSide] * y[cell / kSide % kSide], x[cell % kSide], sum);
    }
    return sum;
  }
};

/// Cells of a recording's space and time, some of which come from the second recording.
class MixMask {
 public:
  static constexpr int kSide = MixShape::kSide;  ///< cells an axis
  explicit MixMask(const MixShape& shape);

  bool at(int x, int y, int t) const { return cells_[static_cast<std::size_t>((t * kSide + y) * kSide + x)] != 0; }
  double share() const;  ///< of cells in the mask
  const std::uint8_t* cells() const { return cells_.data(); }

 private:
  std::array<std::uint8_t, MixShape::kCells> cells_{};  ///< [t][y][x]
};

/// `first` becomes itself outside of the mask and `second` inside; the mask's time axis is the longer of both durations.
/// Returns the share of the first one's label: events that stayed / events of the result, 1 where none is left.
double event_mix(Events& first, const Events& second, const MixMask& mask, SensorSize sensor, AugmentMemory& memory);

}  // namespace dltonic::events
