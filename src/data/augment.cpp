#include "dltonic/data/augment.h"

#include <algorithm>
#include <cstdlib>

#include "dltonic/core/bernoulli.h"
#include "dltonic/core/text.h"

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

void move_frame(const FrameShape& shape, const AugmentationDraw& d, std::span<const std::uint64_t> in,
                std::span<std::uint64_t> out) {
  const int width = shape.width, height = shape.height;
  const int columns = width - std::abs(d.dx), rows = height - std::abs(d.dy);
  if (columns <= 0 || rows <= 0) return;
  const int x_in = std::max(0, -d.dx), x_out = std::max(0, d.dx);
  // mirrored: column x of the flipped line is column width−1−x of the stored one
  const int first = d.flip_x ? width - x_in - columns : x_in;
  for (int channel = 0; channel < shape.channels; ++channel) {
    for (int row = 0; row < rows; ++row) {
      const int y_in = row + std::max(0, -d.dy), y_out = row + std::max(0, d.dy);
      const int line = d.flip_y ? height - 1 - y_in : y_in;
      const auto from = static_cast<std::size_t>((channel * height + line) * width + first);
      const auto to = static_cast<std::size_t>((channel * height + y_out) * width + x_out);
      copy_bits(in, from, out, to, static_cast<std::size_t>(columns), d.flip_x);
    }
  }
}

/// Calls change(word, mask) for every word of a row, with random masks of `key`.
template <class Change>
void for_each_mask(const BernoulliKey& key, std::uint32_t threshold, std::span<std::uint64_t> row, Change change) {
  constexpr std::size_t kAtOnce = 4;
  for (std::size_t first = 0; first < row.size(); first += kAtOnce) {
    std::uint32_t masks[2 * kAtOnce];
    bernoulli_words(key, static_cast<std::uint32_t>(2 * first), threshold, masks);
    for (std::size_t i = 0; i < std::min(kAtOnce, row.size() - first); ++i) {
      change(row[first + i], masks[2 * i] | (std::uint64_t{masks[2 * i + 1]} << 32));
    }
  }
}

}  // namespace

std::string AugmentationOptions::fault_of_numbers() const {
  const char* wish = flip_x ? "flip_x" : drop > 0 ? "drop" : salt_pepper > 0 ? "salt_pepper" : "";
  if (*wish == '\0') return {};
  return cat("data.augmentation.", wish,
             " is for frames of bits, but data.frames.dtype is float16; data.augmentation.events has ",
             "changes of events that do the like");
}

void AugmentationOptions::bind(config::Section& s) {
  s.key("shift", shift, "random shift by up to this many pixels in x and in y, zeros coming in").unit("pixels").min(0);
  s.key("flip_x", flip_x, "mirror left and right with probability 1/2 (not for digits or gestures)");
  s.key("flip_y", flip_y, "mirror top and bottom with probability 1/2");
  s.key("drop", drop, "share of the set bits that is cleared: events that a sensor misses").min(0).below(1);
  s.key("salt_pepper", salt_pepper, "share of the bits that is replaced by a random bit").min(0).max(1);
}

Augmentation::Augmentation(const AugmentationOptions& options, const FrameShape& shape, std::uint64_t seed)
    : parameters_{.shape = {shape.channels, shape.height, shape.width * shape.depth},
                  .depth = shape.depth,
                  .shift = options.shift,
                  .flip_x = options.flip_x,
                  .flip_y = options.flip_y,
                  .drop = bernoulli_threshold(options.drop),
                  // a bit replaced by a random one changes in half of the cases
                  .flips = bernoulli_threshold(options.salt_pepper / 2),
                  .seed = seed} {}

void Augmentation::apply(std::span<const std::uint64_t> in, std::span<std::uint64_t> out, std::uint32_t epoch,
                         std::uint32_t sample) const {
  const AugmentationParameters& p = parameters_;
  if (p.moves()) move_frame(p.shape, draw(epoch, sample), in, out);
  else std::copy(in.begin(), in.end(), out.begin());
  if (p.drop > 0) {
    for_each_mask({p.seed, Use::drop, epoch, sample}, p.drop, out,
                  [](std::uint64_t& word, std::uint64_t mask) { word &= ~mask; });
  }
  if (p.flips > 0) {
    for_each_mask({p.seed, Use::salt_pepper, epoch, sample}, p.flips, out,
                  [](std::uint64_t& word, std::uint64_t mask) { word ^= mask; });
    const std::size_t last = p.shape.features() % 64;
    if (last > 0) out.back() &= (std::uint64_t{1} << last) - 1;  // what lies past the frame stays zero
  }
}

}  // namespace dltonic::data
