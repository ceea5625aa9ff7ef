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

}  // namespace dltonic::data
