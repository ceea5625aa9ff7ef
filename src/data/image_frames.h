/// Images themselves as bit frames: one frame an image, one channel a threshold.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dltonic/core/bits.h"
#include "dltonic/data/batch.h"
#include "dltonic/data/options.h"
#include "dltonic/events/idx.h"
#include "dltonic/store/recording_info.h"

namespace dltonic::data {

class ImageFrames {
 public:
  /// Reads the IDX files under options.source.root: train, then test where there is one. DataError, ConfigError.
  explicit ImageFrames(const Options& options);

  const std::vector<store::RecordingInfo>& images() const { return images_; }
  const std::vector<std::string>& classes() const { return classes_; }
  const std::string& content_hash() const { return hash_; }
  FrameShape shape() const { return shape_; }
  /// Rows of images [first, first + count).
  void frames(std::size_t first, std::size_t count, BitMatrix& out) const;

 private:
  int crop_;
  std::vector<double> levels_;          ///< grey values, 0 … 255
  std::vector<events::ImageSet> sets_;  ///< train, test
  std::vector<store::RecordingInfo> images_;
  std::vector<std::string> classes_;
  std::string hash_;
  FrameShape shape_;
};

}  // namespace dltonic::data
