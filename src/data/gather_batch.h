/// The kernel behind DeviceFrames::gather.
#pragma once

#include <cstdint>

#include "dltonic/data/augmentation_draw.h"
#include "dltonic/data/batch.h"
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
    slot,      ///< row = (clock->batch mod 2) × share + first + i: rows of two batches
  };
  const std::uint64_t* rows = nullptr;  ///< [row][row_words], bit f of a row is feature f
  int row_words = 0;
  const std::uint16_t* labels = nullptr;  ///< [sample number]
  const std::uint32_t* order = nullptr;
  const std::uint32_t* place = nullptr;
  const device::StepClock* clock = nullptr;
  int share = 0, first = 0;
  RowOf row_of = RowOf::sample;
};

/// One kernel: `count` samples, augmented with the keys of clock->epoch where `augmentation` is not null (then there is a
/// clock), into bits [features][DeviceBatch::padded(count) / 64] and labels [DeviceBatch::padded(count)].
void gather_batch(const GatherSource& source, int features, int count, const AugmentationParameters* augmentation,
                  std::uint64_t* bits, std::uint16_t* labels, device::StreamHandle stream);

}  // namespace dltonic::data
