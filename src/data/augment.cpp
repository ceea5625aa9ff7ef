#include "dltonic/data/augment.h"

#include <algorithm>
#include <cmath>

#include "dltonic/core/random.h"

namespace dltonic::data {
namespace {

/// `count` (1 … 64) bits from bit `position` on.
std::uint64_t read_bits(std::span<const std::uint64_t> words, std::size_t position, unsigned count) {
  const std::size_t word = position / 64;
  const unsigned offset = position % 64;
  std::uint64_t bits = words[word] >> offset;
  if (offset + count > 64) bits |= words[word + 1] << (64 - offset);
  return count == 64 ? bits : bits & ((std::uint64_t{1} << count) - 1);
}

/// Ors `count` bits in at `position`.
void or_bits(std::span<std::uint64_t> words, std::size_t position, std::uint64_t bits, unsigned count) {
  const std::size_t word = position / 64;
  const unsigned offset = position % 64;
  words[word] |= bits << offset;
  if (offset + count > 64) words[word + 1] |= bits >> (64 - offset);
}

std::uint64_t reverse_bits(std::uint64_t v, unsigned count) {
  v = ((v >> 1) & 0x5555555555555555ull) | ((v & 0x5555555555555555ull) << 1);
  v = ((v >> 2) & 0x3333333333333333ull) | ((v & 0x3333333333333333ull) << 2);
  v = ((v >> 4) & 0x0F0F0F0F0F0F0F0Full) | ((v & 0x0F0F0F0F0F0F0F0Full) << 4);
  return __builtin_bswap64(v) >> (64 - count);
}

/// Ors `count` bits of `in` at `from` into `out` at `to`; reversed: in mirrored order.
void copy_bits(std::span<const std::uint64_t> in, std::size_t from, std::span<std::uint64_t> out, std::size_t to,
               std::size_t count, bool reversed) {
  for (std::size_t done = 0; done < count;) {
    const auto piece = static_cast<unsigned>(std::min<std::size_t>(64, count - done));
    if (reversed) {
      or_bits(out, to + done, reverse_bits(read_bits(in, from + count - done - piece, piece), piece), piece);
    } else {
      or_bits(out, to + done, read_bits(in, from + done, piece), piece);
    }
    done += piece;
  }
}

}  // namespace

void AugmentationOptions::bind(config::Section& s) {
  s.key("shift", shift, "random shift by up to this many pixels in x and in y, zeros coming in").unit("pixels").min(0);
  s.key("flip_x", flip_x, "mirror left and right with probability 1/2 (not for digits or gestures)");
  s.key("flip_y", flip_y, "mirror top and bottom with probability 1/2");
  s.key("salt_pepper", salt_pepper, "share of the bits that is replaced by a random bit").min(0).max(1);
}

AugmentationDraw Augmentation::draw(std::uint32_t epoch, std::uint32_t sample) const {
  Random random(seed_, Use::augment, epoch, sample);
  AugmentationDraw draw;
  if (options_.shift > 0) {
    draw.dx = random.between(-options_.shift, options_.shift);
    draw.dy = random.between(-options_.shift, options_.shift);
  }
  if (options_.flip_x) draw.flip_x = random.below(2) == 1;
  if (options_.flip_y) draw.flip_y = random.below(2) == 1;
  return draw;
}

void Augmentation::apply(std::span<const std::uint64_t> in, std::span<std::uint64_t> out, std::uint32_t epoch,
                         std::uint32_t sample) const {
  const AugmentationDraw d = draw(epoch, sample);
  const int width = shape_.width, height = shape_.height;
  const int columns = width - std::abs(d.dx), rows = height - std::abs(d.dy);
  if (columns > 0 && rows > 0) {
    for (int channel = 0; channel < shape_.channels; ++channel) {
      for (int row = 0; row < rows; ++row) {
        const int y_in = row + std::max(0, -d.dy), y_out = row + std::max(0, d.dy);
        const int x_in = std::max(0, -d.dx), x_out = std::max(0, d.dx);
        const int line = d.flip_y ? height - 1 - y_in : y_in;
        // mirrored: column x of the flipped line is column width−1−x of the stored one
        const int first = d.flip_x ? width - x_in - columns : x_in;
        const auto from = static_cast<std::size_t>((channel * height + line) * width + first);
        const auto to = static_cast<std::size_t>((channel * height + y_out) * width + x_out);
        copy_bits(in, from, out, to, static_cast<std::size_t>(columns), d.flip_x);
      }
    }
  }
  if (options_.salt_pepper > 0) {
    // A bit replaced by a random one is a bit flipped with half the probability; gaps between flips are geometric.
    const double log_keep = std::log1p(-options_.salt_pepper / 2);
    Random random(seed_, Use::salt_pepper, epoch, sample);
    const std::size_t features = shape_.features();
    double position = std::floor(std::log1p(-random.uniform_double()) / log_keep);
    while (position < static_cast<double>(features)) {
      const auto bit = static_cast<std::size_t>(position);
      out[bit / 64] ^= std::uint64_t{1} << (bit % 64);
      position += 1 + std::floor(std::log1p(-random.uniform_double()) / log_keep);
    }
  }
}

}  // namespace dltonic::data
