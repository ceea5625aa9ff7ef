/// Images and labels in IDX files, plain or gzip (MNIST, Fashion-MNIST and their kin).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "dltonic/events/recording.h"

namespace dltonic::events {

/// [count][height][width], row-major.
struct IdxImages {
  std::size_t count = 0;
  int height = 0, width = 0;
  std::vector<std::uint8_t> pixels;

  std::span<const std::uint8_t> image(std::size_t i) const {
    const std::size_t size = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    return {pixels.data() + i * size, size};
  }
};

/// Throw DataError that names the file: wrong magic number, dimensions that do not fit the content, truncated, damaged gzip.
IdxImages read_idx_images(const std::filesystem::path& path);
std::vector<std::uint8_t> read_idx_labels(const std::filesystem::path& path);

/// Where the images and labels of a part lie: `<root>/train-images-idx3-ubyte(.gz)` for train, `t10k-…` for test; the plain
/// file wins where both are there. Throws DataError that lists the names looked for.
struct IdxFiles {
  std::filesystem::path images, labels;
};
IdxFiles find_idx(const std::filesystem::path& root, Split part);

struct ImageSet {
  IdxImages images;
  std::vector<std::uint8_t> labels;  ///< [count]
};
/// Both files of a part. Throws DataError, also where images and labels differ in number.
ImageSet read_image_set(const std::filesystem::path& root, Split part);

/// Whether `root` holds an image file of this part.
bool has_image_set(const std::filesystem::path& root, Split part);

}  // namespace dltonic::events
