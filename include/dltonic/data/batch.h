/// What a step reads.
#pragma once

#include <cstdint>
#include <vector>

#include "dltonic/core/bits.h"

namespace dltonic::data {

/// Feature f of a frame is bit (channel*height + y)*width + x; channels are time bin × polarity (OFF, then ON), or
/// threshold for images.
struct FrameShape {
  int channels = 1, height = 1, width = 1;
  std::size_t features() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  bool operator==(const FrameShape&) const = default;
};

struct Batch {
  BitMatrix bits;                      ///< [sample][feature]
  std::vector<std::uint16_t> labels;   ///< [sample]
  std::vector<std::uint32_t> samples;  ///< [sample] index in the frames file
  std::size_t size() const { return labels.size(); }
};

/// A batch in a GPU's memory, as kernels read it: feature-major, rows padded to whole 256 samples.
struct DeviceBatch {
  const std::uint64_t* bits = nullptr;    ///< [feature][row_words()]; bits past `samples` are zero
  const std::uint16_t* labels = nullptr;  ///< [padded_samples()]; zero past `samples`
  int samples = 0;

  static constexpr int kSampleBlock = 256;
  static constexpr int padded(int samples) { return (samples + kSampleBlock - 1) / kSampleBlock * kSampleBlock; }
  int padded_samples() const { return padded(samples); }
  int row_words() const { return padded(samples) / 64; }  ///< 64-bit words a row: a multiple of 4
};

}  // namespace dltonic::data
