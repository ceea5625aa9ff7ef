/// Pictures with a palette of 256 colours, as PNG (libpng) and animated GIF (giflib).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace dltonic::report {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;
};
using Palette = std::array<Colour, 256>;

/// [height][width] indices into a palette that all pictures of a file share.
struct Image {
  Image() = default;
  /// All 0.
  Image(int columns, int rows)
      : width(columns), height(rows), pixels(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows)) {}
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  std::uint8_t& at(int x, int y) {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
  std::uint8_t at(int x, int y) const {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)];
  }
  /// Copies `other` to where its upper left corner is (x, y); what lies outside is left out.
  void paste(const Image& other, int x, int y);
};
/// Every pixel as factor × factor pixels.
Image enlarged(const Image& image, int factor);

/// The bytes of a PNG file. Throws StorageError.
std::string png_bytes(const Image& image, const Palette& palette);
/// The bytes of a GIF file that runs for ever; pictures of one size, each shown for `delay_ms` (in steps of 10 ms).
/// Throws StorageError.
std::string gif_bytes(std::span<const Image> images, const Palette& palette, int delay_ms);

}  // namespace dltonic::report
