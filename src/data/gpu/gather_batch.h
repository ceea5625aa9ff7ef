/// The kernel behind DeviceFrames::gather.
#pragma once

#include <cstdint>

#include "dltonic/data/augmentation_draw.h"
#include "dltonic/data/batch.h"
#include "dltonic/data/mixed_label.h"
#include "dltonic/device/step.h"
#include "dltonic/device/stream.h"

namespace dltonic::data {

/// Where row and number of sample i of a batch are found; all pointers are the device's.
/// position = clock->batch × share + first + i, sample number = order[position]; without a clock batch is 0.
struct GatherSource {
  enum class RowOf {
    sample,    ///< row = sample number: all rows lie there
    position,  ///< row = position: rows lie in the order of use
    placed,    ///< row = place[position]
    slot,      ///< row = (n mod slots) × share + first + i, n = clock->epoch × batches + clock->batch
  };
  const std::uint64_t* rows = nullptr;  ///< [row][row_words], as in FrameShape
  int row_words = 0;
  const std::uint16_t* labels = nullptr;  ///< [sample number]
  const std::uint32_t* order = nullptr;
  const std::uint32_t* place = nullptr;
  const MixedLabel* mixed = nullptr;  ///< [row], of RowOf::slot; null: nothing is mixed
  const device::StepClock* clock = nullptr;
  int share = 0, first = 0, slots = 1;
  std::uint64_t batches = 0;  ///< of an epoch
  RowOf row_of = RowOf::sample;
};

/// Where a batch of `count` samples goes; all pointers are the device's. padded: DeviceBatch::padded(count).
struct GatherTarget {
  std::uint64_t* bits = nullptr;           ///< [row_bits][padded / 64]
  std::uint16_t* labels = nullptr;         ///< [padded]
  std::uint16_t* second_labels = nullptr;  ///< [padded], this and the next where source.mixed is not null
  float* label_share = nullptr;            ///< [padded]
};

/// One kernel: `count` samples, augmented with the keys of clock->epoch where `augmentation` is not null (then there is a
/// clock).
void gather_batch(const GatherSource& source, int row_bits, int count, const AugmentationParameters* augmentation,
                  const GatherTarget& target, device::StreamHandle stream);

}  // namespace dltonic::data
