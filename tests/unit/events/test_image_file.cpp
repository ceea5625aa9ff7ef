#include "dltonic/events/image_file.h"

#include <gtest/gtest.h>
#include <png.h>

#include <numeric>
#include <string>

#include "dltonic/core/error.h"

namespace dltonic::events {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

/// libpng's own writer.
std::vector<std::byte> png_of(int width, int height, png_uint_32 format, const void* pixels) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(width);
  png.height = static_cast<png_uint_32>(height);
  png.format = format;
  png_alloc_size_t size = 0;
  EXPECT_NE(png_image_write_get_memory_size(png, size, 0, pixels, 0, nullptr), 0);
  std::vector<std::byte> bytes(size);
  EXPECT_NE(png_image_write_to_memory(&png, bytes.data(), &size, 0, pixels, 0, nullptr), 0);
  return bytes;
}

std::vector<std::uint8_t> ramp(std::size_t n) {
  std::vector<std::uint8_t> values(n);
  std::iota(values.begin(), values.end(), std::uint8_t{3});
  return values;
}

TEST(ImageFile, GreyPngsAndPgmsAreReadAsTheyAre) {
  const auto grey = ramp(7 * 5);
  const GreyImage png = decode_image(png_of(7, 5, PNG_FORMAT_GRAY, grey.data()));
  EXPECT_EQ(png.width, 7);
  EXPECT_EQ(png.height, 5);
  EXPECT_EQ(png.pixels, grey);
  const GreyImage pgm = decode_image(bytes_of("P5\n# a comment\n7 5\n255\n" + std::string(grey.begin(), grey.end()) + "more"));
  EXPECT_EQ(pgm.width, 7);
  EXPECT_EQ(pgm.pixels, grey);
}

TEST(ImageFile, ColoursBecomeTheirLumaInEitherFormat) {
  const std::vector<std::uint8_t> rgb{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 80, 80, 80, 0, 0, 0};
  const std::vector<std::uint8_t> wanted{76, 149, 28, 255, 80, 0};
  EXPECT_EQ(decode_image(png_of(3, 2, PNG_FORMAT_RGB, rgb.data())).pixels, wanted);
  EXPECT_EQ(decode_image(bytes_of("P6 3 2 255 " + std::string(rgb.begin(), rgb.end()))).pixels, wanted);
}

TEST(ImageFile, TransparentPartsAreBlack) {
  const std::vector<std::uint8_t> rgba{200, 200, 200, 0, 200, 200, 200, 255};
  EXPECT_EQ(decode_image(png_of(2, 1, PNG_FORMAT_RGBA, rgba.data())).pixels, (std::vector<std::uint8_t>{0, 200}));
}

TEST(ImageFile, DamageIsRefused) {
  const auto grey = ramp(64 * 64);
  const auto good = png_of(64, 64, PNG_FORMAT_GRAY, grey.data());
  for (const std::size_t keep : {std::size_t{0}, std::size_t{8}, std::size_t{30}, good.size() / 2}) {
    EXPECT_THROW(decode_image(std::span(good).first(keep)), DataError) << keep << " bytes of " << good.size();
  }
  auto huge = good;
  huge[16] = std::byte{0x7f};  // of the width; its checksum is wrong, too
  EXPECT_THROW(decode_image(huge), DataError);
  for (const std::string text : {"", "P5", "P5 3", "P5 3 3 255", "P5 3 3 255 abc", "P5 0 3 255 ", "P5 3 3 65535 abcdefghi",
                                 "P5 99999999999999999999 3 255 ", "P5 # no end", "P5 x", "P4 1 1 1", "GIF89a"}) {
    EXPECT_THROW(decode_image(bytes_of(text)), DataError) << text;
  }
}

TEST(ImageFile, ScalingKeepsEvenImagesAndStraightSlopes) {
  const GreyImage even{5, 4, std::vector<std::uint8_t>(20, 77)};
  for (const auto& [w, h] : {std::pair{128, 128}, {3, 3}, {1, 1}, {5, 9}}) {
    const GreyImage out = scaled(even, w, h);
    EXPECT_EQ(out.pixels, std::vector<std::uint8_t>(static_cast<std::size_t>(w * h), 77));
  }
  GreyImage slope{8, 1, {}};
  for (int x = 0; x < 8; ++x) slope.pixels.push_back(static_cast<std::uint8_t>(20 + 16 * x));
  const GreyImage finer = scaled(slope, 32, 1), coarser = scaled(slope, 4, 1);
  for (std::size_t x = 2; x < 30; ++x) EXPECT_EQ(finer.pixels[x], 20 + 4 * (x - 2) + 2) << x;  // centre (x + 0.5)/4 − 0.5
  for (std::size_t x = 1; x < 3; ++x) EXPECT_EQ(coarser.pixels[x], 20 + 16 * 2 * x + 8) << x;
  EXPECT_EQ(scaled(slope, 8, 1).pixels, slope.pixels);
}

}  // namespace
}  // namespace dltonic::events
