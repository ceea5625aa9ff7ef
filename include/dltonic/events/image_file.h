/// Grey images, for the simulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dltonic::events {

struct GreyImage {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  ///< [height][width]
};

/// A PNG of any kind, or a binary PGM or PPM of 8 bits (P5, P6). Colours become their luma (Rec. 601), transparent parts black.
/// Throws DataError for anything else, damage, and images of more than 2^24 pixels.
GreyImage decode_image(std::span<const std::byte> bytes);

/// The image in another size: a triangle as wide as an output pixel, or as an input pixel where that is wider (bilinear
/// upwards, averaging downwards). Sides of at least 1.
GreyImage scaled(const GreyImage& image, int width, int height);

}  // namespace dltonic::events
