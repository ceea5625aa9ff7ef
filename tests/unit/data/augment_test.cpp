#include "dltonic/data/augment.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dltonic/core/random.h"

namespace dltonic::data {
namespace {

BitMatrix noise(const FrameShape& shape, std::uint32_t id) {
  BitMatrix bits(1, shape.features());
  Random random(1, Use::test, id);
  for (std::size_t f = 0; f < shape.features(); ++f) {
    if (random.below(3) == 0) bits.set(0, f);
  }
  return bits;
}

bool pixel(const BitMatrix& frame, const FrameShape& s, int c, int y, int x) {
  if (y < 0 || y >= s.height || x < 0 || x >= s.width) return false;
  return frame.get(0, static_cast<std::size_t>((c * s.height + y) * s.width + x));
}

/// Widths beside, at and beyond word borders.
class AugmentationOfShape : public testing::TestWithParam<FrameShape> {};

TEST_P(AugmentationOfShape, EqualsThePixelwiseDefinition) {
  const FrameShape shape = GetParam();
  const Augmentation augmentation({.shift = 5, .flip_x = true, .flip_y = true, .salt_pepper = 0}, shape, 42);
  for (std::uint32_t sample = 0; sample < 60; ++sample) {
    const BitMatrix in = noise(shape, sample);
    BitMatrix out(1, shape.features());
    augmentation.apply(in.row(0), out.row(0), 3, sample);
    const auto d = augmentation.draw(3, sample);
    for (int c = 0; c < shape.channels; ++c) {
      for (int y = 0; y < shape.height; ++y) {
        for (int x = 0; x < shape.width; ++x) {
          const int fy = y - d.dy, fx = x - d.dx;  // in the flipped frame
          bool expected = false;
          if (fy >= 0 && fy < shape.height && fx >= 0 && fx < shape.width) {
            expected = pixel(in, shape, c, d.flip_y ? shape.height - 1 - fy : fy, d.flip_x ? shape.width - 1 - fx : fx);
          }
          ASSERT_EQ(pixel(out, shape, c, y, x), expected) << "sample " << sample << " c " << c << " y " << y << " x " << x;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, AugmentationOfShape,
                         testing::Values(FrameShape{20, 34, 34}, FrameShape{1, 7, 5}, FrameShape{2, 9, 64},
                                         FrameShape{3, 10, 65}, FrameShape{2, 16, 128}, FrameShape{1, 3, 200},
                                         FrameShape{2, 4, 4}));

TEST(Augmentation, DrawsCoverTheWholeRangeAndDependOnEpochAndSampleAlone) {
  const FrameShape shape{1, 34, 34};
  const Augmentation a({.shift = 3}, shape, 7), again({.shift = 3}, shape, 7), other({.shift = 3}, shape, 8);
  int seen[7] = {}, differ = 0;
  for (std::uint32_t sample = 0; sample < 700; ++sample) {
    const auto d = a.draw(0, sample);
    ASSERT_LE(std::abs(d.dx), 3);
    ASSERT_LE(std::abs(d.dy), 3);
    ++seen[d.dx + 3];
    EXPECT_EQ(d.dx, again.draw(0, sample).dx);
    if (d.dx != other.draw(0, sample).dx || d.dy != other.draw(0, sample).dy) ++differ;
  }
  for (const int count : seen) EXPECT_NEAR(count, 100, 40);
  EXPECT_GT(differ, 600);
}

TEST(Augmentation, SaltAndPepperReplacesTheShareAskedFor) {
  const FrameShape shape{20, 34, 34};
  const Augmentation augmentation({.salt_pepper = 0.1}, shape, 0);
  const BitMatrix zeros(1, shape.features());
  std::size_t flipped = 0;
  constexpr std::uint32_t kSamples = 50;
  for (std::uint32_t sample = 0; sample < kSamples; ++sample) {
    BitMatrix out(1, shape.features());
    augmentation.apply(zeros.row(0), out.row(0), 0, sample);
    flipped += out.count();
    for (std::size_t bit = shape.features(); bit < out.row_words() * 64; ++bit) ASSERT_FALSE(out.get(0, bit)) << "padding";
  }
  const double n = kSamples * static_cast<double>(shape.features());
  EXPECT_NEAR(static_cast<double>(flipped) / n, 0.05, 5 * std::sqrt(0.05 * 0.95 / n));  // half of the replaced bits change
}

BitMatrix augmented(const BitMatrix& in, const AugmentationOptions& options, const FrameShape& shape, std::uint32_t sample) {
  BitMatrix out(1, shape.features());
  Augmentation(options, shape, 6).apply(in.row(0), out.row(0), 2, sample);
  return out;
}

TEST(Augmentation, HalfFloatsMoveAsBitsDo) {
  const FrameShape shape{3, 9, 13}, numbers{3, 9, 13, 16};
  const AugmentationOptions options{.shift = 4, .flip_y = true};
  for (std::uint32_t sample = 0; sample < 40; ++sample) {
    const BitMatrix in = noise(shape, sample);
    BitMatrix halves(1, numbers.row_bits()), out(1, numbers.row_bits());
    each_set(in.row(0), 1, [&](std::size_t f) { halves.row(0)[f / 4] |= std::uint64_t{0x3C01 + f} << (16 * (f % 4)); });
    Augmentation(options, numbers, 6).apply(halves.row(0), out.row(0), 2, sample);
    const BitMatrix wanted = augmented(in, options, shape, sample);
    const auto draw = Augmentation(options, shape, 6).draw(2, sample);
    std::size_t set = 0;
    each_set(out.row(0), 16, [&](std::size_t f) {
      const auto half = static_cast<std::uint16_t>(out.row(0)[f / 4] >> (16 * (f % 4)));
      const int from = half - 0x3C01, x = static_cast<int>(f) % 13, y = static_cast<int>(f) / 13 % 9;
      const int y_in = y - draw.dy;
      ASSERT_TRUE(wanted.get(0, f));
      ASSERT_EQ(from % 13, x - draw.dx);
      ASSERT_EQ(from / 13 % 9, draw.flip_y ? 8 - y_in : y_in);
      ASSERT_EQ(from / 117, static_cast<int>(f) / 117);
      ++set;
    });
    ASSERT_EQ(set, wanted.count());
  }
}

TEST(Augmentation, DropClearsTheShareAskedForOfTheSetBitsAndSetsNone) {
  const FrameShape shape{20, 34, 34};
  for (const double share : {0.02, 0.3, 0.9}) {
    std::size_t before = 0, after = 0;
    for (std::uint32_t sample = 0; sample < 40; ++sample) {
      const BitMatrix in = noise(shape, sample);
      const BitMatrix out = augmented(in, {.drop = share}, shape, sample);
      for (std::size_t w = 0; w < in.row_words(); ++w) ASSERT_EQ(out.words()[w] & ~in.words()[w], 0u);
      before += in.count();
      after += out.count();
    }
    const double n = static_cast<double>(before);
    EXPECT_NEAR(static_cast<double>(before - after) / n, share, 5 * std::sqrt(share * (1 - share) / n));
  }
}

TEST(Augmentation, BitsAreDroppedBeforeTheyAreSaltedEachWithItsOwnDraws) {
  const FrameShape shape{3, 13, 17};
  BitMatrix ones(1, shape.features());
  for (std::size_t f = 0; f < shape.features(); ++f) ones.set(0, f);
  const BitMatrix zeros(1, shape.features());
  for (std::uint32_t sample = 0; sample < 20; ++sample) {
    const BitMatrix in = noise(shape, sample);
    const BitMatrix kept = augmented(ones, {.drop = 0.4}, shape, sample);
    const BitMatrix flipped = augmented(zeros, {.salt_pepper = 0.3}, shape, sample);
    const BitMatrix out = augmented(in, {.drop = 0.4, .salt_pepper = 0.3}, shape, sample);
    for (std::size_t w = 0; w < in.row_words(); ++w) {
      ASSERT_EQ(out.words()[w], (in.words()[w] & kept.words()[w]) ^ flipped.words()[w]);
    }
  }
}

TEST(Augmentation, SaltAndPepperOfAllBitsLeavesNothingOfTheFrame) {
  const FrameShape shape{20, 34, 34};
  const BitMatrix in = noise(shape, 0);
  const BitMatrix out = augmented(in, {.salt_pepper = 1}, shape, 0);
  std::size_t same = 0;
  for (std::size_t f = 0; f < shape.features(); ++f) same += in.get(0, f) == out.get(0, f);
  const double n = static_cast<double>(shape.features());
  EXPECT_NEAR(static_cast<double>(same) / n, 0.5, 5 * 0.5 / std::sqrt(n));
}

}  // namespace
}  // namespace dltonic::data
