#include "dltonic/report/image.h"

#include <gif_lib.h>
#include <gtest/gtest.h>
#include <png.h>

#include <cstring>

namespace dltonic::report {
namespace {

Palette some_palette() {
  Palette palette{};
  for (std::size_t i = 0; i < palette.size(); ++i) {
    palette[i] = {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(255 - i), static_cast<std::uint8_t>(7 * i)};
  }
  return palette;
}

Image some_image(int width, int height, int shift) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) image.at(x, y) = static_cast<std::uint8_t>(31 * x + 17 * y + shift);
  }
  return image;
}

TEST(Image, PasteLeavesOutWhatLiesOutside) {
  Image image(3, 2);
  Image other(2, 2);
  std::fill(other.pixels.begin(), other.pixels.end(), std::uint8_t{9});
  image.paste(other, 2, -1);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 0, 9, 0, 0, 0}));
  image.paste(other, -1, 1);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 0, 9, 9, 0, 0}));
  image.paste(other, 3, 2);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 0, 9, 9, 0, 0}));
}

TEST(Image, EnlargedRepeatsPixels) {
  const Image image = enlarged(some_image(2, 1, 0), 2);
  EXPECT_EQ(image.width, 4);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 0, 31, 31, 0, 0, 31, 31}));
}

TEST(Image, LibpngReadsEveryPixelOfAPng) {
  const Palette palette = some_palette();
  const Image image = some_image(37, 21, 5);
  const std::string bytes = png_bytes(image, palette);
  png_image read{};
  read.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_memory(&read, bytes.data(), bytes.size()), 0) << read.message;
  ASSERT_EQ(read.width, 37u);
  ASSERT_EQ(read.height, 21u);
  read.format = PNG_FORMAT_RGB;
  std::vector<std::uint8_t> colours(PNG_IMAGE_SIZE(read));
  ASSERT_NE(png_image_finish_read(&read, nullptr, colours.data(), 0, nullptr), 0) << read.message;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const Colour expected = palette[image.pixels[i]];
    EXPECT_EQ((Colour{colours[3 * i], colours[3 * i + 1], colours[3 * i + 2]}), expected) << i;
  }
}

struct Bytes {
  const std::string* text;
  std::size_t at = 0;
};

TEST(Image, GiflibReadsEveryPictureOfAnAnimation) {
  const Palette palette = some_palette();
  const std::vector<Image> images{some_image(19, 11, 0), some_image(19, 11, 100), some_image(19, 11, 3)};
  const std::string bytes = gif_bytes(images, palette, 120);
  Bytes source{&bytes};
  int error = 0;
  GifFileType* gif = DGifOpen(
      &source,
      [](GifFileType* file, GifByteType* to, int count) {
        auto& from = *static_cast<Bytes*>(file->UserData);
        const std::size_t n = std::min<std::size_t>(static_cast<std::size_t>(count), from.text->size() - from.at);
        std::memcpy(to, from.text->data() + from.at, n);
        from.at += n;
        return static_cast<int>(n);
      },
      &error);
  ASSERT_NE(gif, nullptr) << GifErrorString(error);
  ASSERT_EQ(DGifSlurp(gif), GIF_OK) << GifErrorString(gif->Error);
  ASSERT_EQ(gif->ImageCount, 3);
  ASSERT_EQ(gif->SColorMap->ColorCount, 256);
  for (int i = 0; i < 256; ++i) {
    const GifColorType& c = gif->SColorMap->Colors[i];
    EXPECT_EQ((Colour{c.Red, c.Green, c.Blue}), palette[static_cast<std::size_t>(i)]);
  }
  for (int n = 0; n < 3; ++n) {
    const Image& image = images[static_cast<std::size_t>(n)];
    GraphicsControlBlock control;
    ASSERT_EQ(DGifSavedExtensionToGCB(gif, n, &control), GIF_OK);
    EXPECT_EQ(control.DelayTime, 12);
    EXPECT_EQ(std::memcmp(gif->SavedImages[n].RasterBits, image.pixels.data(), image.pixels.size()), 0);
  }
  DGifCloseFile(gif, nullptr);
}

}  // namespace
}  // namespace dltonic::report
