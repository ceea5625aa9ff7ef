#include "dltonic/report/image.h"

#include <gif_lib.h>
#include <png.h>

#include <algorithm>
#include <memory>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::report {
namespace {

int append_gif(GifFileType* file, const GifByteType* bytes, int count) {
  static_cast<std::string*>(file->UserData)->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
  return count;
}

}  // namespace

void Image::paste(const Image& other, int x, int y) {
  const int left = std::max(0, -x), right = std::min(other.width, width - x);
  for (int row = std::max(0, -y); row < std::min(other.height, height - y); ++row) {
    for (int column = left; column < right; ++column) at(x + column, y + row) = other.at(column, row);
  }
}

Image enlarged(const Image& image, int factor) {
  Image out(image.width * factor, image.height * factor);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) out.at(x, y) = image.at(x / factor, y / factor);
  }
  return out;
}

std::string png_bytes(const Image& image, const Palette& palette) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB_COLORMAP;
  png.colormap_entries = static_cast<png_uint_32>(palette.size());
  static_assert(sizeof(Palette) == 3 * 256, "libpng reads the palette as it lies");
  std::string out(PNG_IMAGE_PNG_SIZE_MAX(png), '\0');
  png_alloc_size_t bytes = out.size();
  if (png_image_write_to_memory(&png, out.data(), &bytes, 0, image.pixels.data(), 0, palette.data()) == 0)
    throw StorageError(cat("a picture of ", image.width, " x ", image.height, " pixels cannot become a PNG: ", png.message));
  out.resize(bytes);
  return out;
}

std::string gif_bytes(std::span<const Image> images, const Palette& palette, int delay_ms) {
  std::string out;
  int error = D_GIF_SUCCEEDED;
  const auto check = [&](int result) {
    if (result == GIF_ERROR) throw StorageError(cat("cannot make a GIF: ", GifErrorString(error)));
  };
  // EGifCloseFile frees the file also where it fails.
  const auto close = [](GifFileType* file) { EGifCloseFile(file, nullptr); };
  std::unique_ptr<GifFileType, decltype(close)> gif(EGifOpen(&out, append_gif, &error), close);
  if (!gif) throw StorageError(cat("cannot make a GIF: ", GifErrorString(error)));
  const auto map =
      std::unique_ptr<ColorMapObject, decltype(&GifFreeMapObject)>(GifMakeMapObject(256, nullptr), &GifFreeMapObject);
  for (std::size_t i = 0; i < palette.size(); ++i) map->Colors[i] = {palette[i].red, palette[i].green, palette[i].blue};
  EGifSetGifVersion(gif.get(), true);
  check(EGifPutScreenDesc(gif.get(), images.front().width, images.front().height, 8, 0, map.get()));
  const char loop[] = "NETSCAPE2.0";
  const GifByteType times[] = {1, 0, 0};  // for ever
  check(EGifPutExtensionLeader(gif.get(), APPLICATION_EXT_FUNC_CODE));
  check(EGifPutExtensionBlock(gif.get(), 11, loop));
  check(EGifPutExtensionBlock(gif.get(), 3, times));
  check(EGifPutExtensionTrailer(gif.get()));
  for (const Image& image : images) {
    const GraphicsControlBlock control{.DisposalMode = DISPOSE_DO_NOT,
                                       .UserInputFlag = false,
                                       .DelayTime = delay_ms / 10,
                                       .TransparentColor = NO_TRANSPARENT_COLOR};
    GifByteType packed[4];
    check(EGifPutExtension(gif.get(), GRAPHICS_EXT_FUNC_CODE, static_cast<int>(EGifGCBToExtension(&control, packed)), packed));
    check(EGifPutImageDesc(gif.get(), 0, 0, image.width, image.height, false, nullptr));
    std::vector<std::uint8_t> line(static_cast<std::size_t>(image.width));  // giflib may write to it
    for (int y = 0; y < image.height; ++y) {
      std::copy_n(&image.pixels[static_cast<std::size_t>(y) * line.size()], line.size(), line.begin());
      check(EGifPutLine(gif.get(), line.data(), image.width));
    }
  }
  gif.reset();
  return out;
}

}  // namespace dltonic::report
