#include "data/image_frames.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"

namespace dltonic::data {

ImageFrames::ImageFrames(const Options& options) : crop_(options.crop) {
  if (options.source.format != "idx") {
    throw ConfigError("data.kind images reads data.format idx, not '" + options.source.format + "'");
  }
  if (options.thresholds.empty()) throw ConfigError("data.thresholds is empty; images need at least one, e.g. [0.5]");
  for (const double threshold : options.thresholds) levels_.push_back(threshold * 255.0);

  int classes = 0;
  Sha256 hash;
  for (const auto part : {events::Split::train, events::Split::test}) {
    if (part == events::Split::test && !events::has_image_set(options.source.root, part)) continue;
    const events::ImageSet& set = sets_.emplace_back(events::read_image_set(options.source.root, part));
    hash.update(std::as_bytes(std::span(set.images.pixels)));
    hash.update(std::as_bytes(std::span(set.labels)));
    for (std::size_t i = 0; i < set.images.count; ++i) {
      store::RecordingInfo info;
      info.label = set.labels[i];
      info.width = static_cast<std::uint16_t>(set.images.width);
      info.height = static_cast<std::uint16_t>(set.images.height);
      info.split = part;
      info.source = cat(part == events::Split::train ? "train" : "test", " image ", i);
      classes = std::max(classes, set.labels[i] + 1);
      images_.push_back(std::move(info));
    }
  }
  hash_ = hash.hex();
  for (int c = 0; c < classes; ++c) classes_.push_back(std::to_string(c));
  const int height = sets_.front().images.height, width = sets_.front().images.width;
  if (2 * crop_ >= std::min(height, width)) {
    throw ConfigError(cat("data.crop is ", crop_, ", which leaves nothing of images of ", width, " x ", height, " pixels"));
  }
  shape_ = {static_cast<int>(levels_.size()), height - 2 * crop_, width - 2 * crop_};
}

void ImageFrames::frames(std::size_t first, std::size_t count, BitMatrix& out) const {
  out.reset(count, shape_.features());
  const std::size_t train = sets_.front().images.count;
  const auto width = static_cast<std::size_t>(sets_.front().images.width);
  const auto crop = static_cast<std::size_t>(crop_);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t id = first + i;
    const auto image = id < train ? sets_.front().images.image(id) : sets_.back().images.image(id - train);
    std::size_t bit = 0;
    for (const double level : levels_) {
      for (std::size_t y = crop; y < crop + static_cast<std::size_t>(shape_.height); ++y) {
        for (std::size_t x = crop; x < crop + static_cast<std::size_t>(shape_.width); ++x, ++bit) {
          if (image[y * width + x] >= level) out.set(i, bit);
        }
      }
    }
  }
}

}  // namespace dltonic::data
