/// What a step reads.
#pragma once

#include <cstdint>
#include <vector>

#include "dltonic/core/bits.h"

namespace dltonic::data {

/// Feature f of a frame is (channel*height + y)*width + x; channels are time bin × polarity (OFF, then ON), or threshold for
/// images. A frame's row holds `depth` bits a feature, those of feature f from bit f*depth on: one bit, or a half float.
struct FrameShape {
  int channels = 1, height = 1, width = 1;
  int depth = 1;  ///< 1, or 16: half floats (core/half.h)
  std::size_t features() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  std::size_t row_bits() const { return features() * static_cast<std::size_t>(depth); }
  bool operator==(const FrameShape&) const = default;
};

struct Batch {
  BitMatrix bits;                      ///< [sample][row bit]
  std::vector<std::uint16_t> labels;   ///< [sample]
  std::vector<std::uint32_t> samples;  ///< [sample] index in the frames file
  /// Where recordings are mixed: the other one's label, and the share of the first; both empty where they are not.
  std::vector<std::uint16_t> second_labels;
  std::vector<float> label_share;
  std::size_t size() const { return labels.size(); }
};

/// A batch in a GPU's memory, as kernels read it: a row for each bit of a frame, rows padded to whole 256 samples.
struct DeviceBatch {
  const std::uint64_t* bits = nullptr;    ///< [row bit][row_words()]; bits past `samples` are zero
  const std::uint16_t* labels = nullptr;  ///< [padded_samples()]; zero past `samples`
  int samples = 0;
  const std::uint16_t* second_labels = nullptr;  ///< as Batch's; null: there are none
  const float* label_share = nullptr;

  static constexpr int kSampleBlock = 256;
  static constexpr int padded(int samples) { return (samples + kSampleBlock - 1) / kSampleBlock * kSampleBlock; }
  int padded_samples() const { return padded(samples); }
  int row_words() const { return padded(samples) / 64; }  ///< 64-bit words a row: a multiple of 4
};

}  // namespace dltonic::data
