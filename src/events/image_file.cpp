#include "dltonic/events/image_file.h"

#include <png.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 24;
constexpr std::uint64_t kMostDeflated = 1032;  // deflate cannot make a byte of more

void check_size(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0 || width > kMostPixels || height > kMostPixels || width * height > kMostPixels)
    throw DataError(cat("an image of ", width, " x ", height, " pixels; 1 to ", kMostPixels, " pixels are read"));
}

/// Weights that add up to 256: grey stays what it is.
std::vector<std::uint8_t> luma(std::span<const std::uint8_t> rgb) {
  std::vector<std::uint8_t> grey(rgb.size() / 3);
  for (std::size_t i = 0; i < grey.size(); ++i) {
    const int sum = 77 * rgb[3 * i] + 150 * rgb[3 * i + 1] + 29 * rgb[3 * i + 2];
    grey[i] = static_cast<std::uint8_t>(sum / 256);
  }
  return grey;
}

GreyImage decode_png(std::span<const std::byte> bytes) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  struct Free {
    png_image* image;
    ~Free() { png_image_free(image); }
  } const free{&png};
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0)
    throw DataError(cat("damaged PNG: ", png.message));
  check_size(png.width, png.height);
  // One bit a pixel at least: memory is not asked for by what a damaged header says.
  if (std::uint64_t{png.width} * png.height / 8 > kMostDeflated * bytes.size())
    throw DataError(cat("a PNG of ", png.width, " x ", png.height, " pixels in ", bytes.size(), " bytes: it is cut short"));
  png.format = PNG_FORMAT_RGB;
  std::vector<std::uint8_t> rgb(PNG_IMAGE_SIZE(png));
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&png, &black, rgb.data(), 0, nullptr) == 0) throw DataError(cat("damaged PNG: ", png.message));
  return {static_cast<int>(png.width), static_cast<int>(png.height), luma(rgb)};
}

/// Header of a PGM or PPM: numbers apart by white space and comments, one white space before the pixels.
class PnmHeader {
 public:
  explicit PnmHeader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t number() {
    for (;;) {
      if (at() == '#') {
        while (at() != '\n') ++position_;
      } else if (std::isspace(at()) != 0) {
        ++position_;
      } else {
        break;
      }
    }
    if (std::isdigit(at()) == 0) throw DataError(cat("damaged PGM or PPM header at byte ", position_));
    std::uint64_t value = 0;
    while (std::isdigit(at()) != 0) {
      value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(at() - '0'), kMostPixels + 1);
      ++position_;
    }
    return value;
  }
  std::span<const std::byte> pixels() { return bytes_.subspan(std::min(position_ + 1, bytes_.size())); }

 private:
  int at() const {
    if (position_ >= bytes_.size()) throw DataError("a PGM or PPM that ends in its header");
    return static_cast<unsigned char>(bytes_[position_]);
  }
  std::span<const std::byte> bytes_;
  std::size_t position_ = 2;  // after P5 or P6
};

GreyImage decode_pnm(std::span<const std::byte> bytes) {
  const bool colour = static_cast<char>(bytes[1]) == '6';
  PnmHeader header(bytes);
  const std::uint64_t width = header.number(), height = header.number(), most = header.number();
  check_size(width, height);
  if (most != 255) throw DataError(cat("a PGM or PPM whose white is ", most, "; 255 is read"));
  const auto pixels = header.pixels();
  const std::uint64_t wanted = width * height * (colour ? 3 : 1);
  if (pixels.size() < wanted)
    throw DataError(cat("a PGM or PPM cut short: ", pixels.size(), " bytes of pixels, ", wanted, " expected"));
  std::vector<std::uint8_t> values(static_cast<std::size_t>(wanted));
  std::memcpy(values.data(), pixels.data(), values.size());
  if (colour) values = luma(values);
  return {static_cast<int>(width), static_cast<int>(height), std::move(values)};
}

/// For each output pixel along an axis: the first input pixel it takes from, and the shares, which add up to 1.
struct Taps {
  std::size_t first = 0;
  std::vector<float> shares;
};
std::vector<Taps> taps_of(int from, int to) {
  const double scale = static_cast<double>(from) / to, reach = std::max(1.0, scale);
  std::vector<Taps> all;
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale - 0.5;
    const int first = std::max(0, static_cast<int>(std::ceil(centre - reach))),
              last = std::min(from - 1, static_cast<int>(std::floor(centre + reach)));
    Taps taps{static_cast<std::size_t>(first), {}};
    double sum = 0;
    for (int j = first; j <= last; ++j) {
      const double share = std::max(0.0, 1 - std::abs(j - centre) / reach);
      taps.shares.push_back(static_cast<float>(share));
      sum += share;
    }
    for (float& share : taps.shares) share = static_cast<float>(share / sum);
    all.push_back(std::move(taps));
  }
  return all;
}

}  // namespace

GreyImage decode_image(std::span<const std::byte> bytes) {
  if (bytes.size() >= 8 && png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, 8) == 0) return decode_png(bytes);
  if (bytes.size() >= 3 && static_cast<char>(bytes[0]) == 'P' &&
      (static_cast<char>(bytes[1]) == '5' || static_cast<char>(bytes[1]) == '6'))
    return decode_pnm(bytes);
  throw DataError("no PNG and no binary PGM or PPM (P5, P6)");
}

GreyImage scaled(const GreyImage& image, int width, int height) {
  if (image.width == width && image.height == height) return image;
  const auto w = static_cast<std::size_t>(width), h = static_cast<std::size_t>(height);
  const auto from_w = static_cast<std::size_t>(image.width), from_h = static_cast<std::size_t>(image.height);
  const std::vector<Taps> across = taps_of(image.width, width), down = taps_of(image.height, height);
  std::vector<float> rows(from_h * w, 0.0f);
  for (std::size_t y = 0; y < from_h; ++y) {
    for (std::size_t x = 0; x < w; ++x) {
      const std::uint8_t* from = image.pixels.data() + y * from_w + across[x].first;
      for (std::size_t k = 0; k < across[x].shares.size(); ++k) rows[y * w + x] += across[x].shares[k] * from[k];
    }
  }
  GreyImage out{width, height, std::vector<std::uint8_t>(w * h)};
  std::vector<float> sums(w);
  for (std::size_t y = 0; y < h; ++y) {
    std::fill(sums.begin(), sums.end(), 0.5f);  // rounds
    for (std::size_t k = 0; k < down[y].shares.size(); ++k) {
      const float* from = rows.data() + (down[y].first + k) * w;
      for (std::size_t x = 0; x < w; ++x) sums[x] += down[y].shares[k] * from[x];
    }
    for (std::size_t x = 0; x < w; ++x) out.pixels[y * w + x] = static_cast<std::uint8_t>(std::clamp(sums[x], 0.0f, 255.0f));
  }
  return out;
}

}  // namespace dltonic::events
