#include "model/batch.h"

#include <gtest/gtest.h>

#include "dltonic/core/error.h"
#include "dltonic/core/half.h"
#include "dltonic/core/random.h"

namespace dltonic::model {
namespace {

TEST(Unpack, GivesEveryBitAsAFloat) {
  for (const std::size_t columns : {1u, 31u, 32u, 33u, 63u, 64u, 65u, 127u, 144u, 200u}) {
    BitMatrix bits(5, columns);
    Random random(1, Use::test, static_cast<std::uint32_t>(columns));
    for (std::size_t r = 0; r < bits.rows(); ++r)
      for (std::size_t c = 0; c < columns; ++c)
        if (random.below(2) == 1) bits.set(r, c);
    std::vector<float> out(5 * columns + 1, -1.0f);
    unpack(bits, 1, {out.data(), 5 * columns});
    for (std::size_t r = 0; r < bits.rows(); ++r)
      for (std::size_t c = 0; c < columns; ++c)
        ASSERT_EQ(out[r * columns + c], bits.get(r, c) ? 1.0f : 0.0f) << columns << " columns, bit " << r << ", " << c;
    EXPECT_EQ(out.back(), -1.0f);
  }
}

TEST(Unpack, GivesHalfFloatsAsTheyAre) {
  const std::vector<float> numbers{0, 1, -2.5f, 1024, 65504, 0x1p-24f, -0.125f};
  BitMatrix bits(3, 16 * numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) bits.row(1)[i / 4] |= std::uint64_t{to_half(numbers[i])} << (16 * (i % 4));
  std::vector<float> out(3 * numbers.size(), -1.0f), wanted(3 * numbers.size(), 0.0f);
  std::copy(numbers.begin(), numbers.end(), wanted.begin() + static_cast<std::ptrdiff_t>(numbers.size()));
  unpack(bits, 16, out);
  EXPECT_EQ(out, wanted);
}

TEST(CheckBatch, NamesTheSampleWhoseLabelIsNoClass) {
  data::Batch batch;
  batch.bits = BitMatrix(2, 10);
  batch.labels = {0, 9};
  batch.samples = {4, 812};
  EXPECT_NO_THROW(check_batch(batch, 10, 10, true));
  EXPECT_NO_THROW(check_batch(batch, 10, 9, false));
  EXPECT_THROW(check_batch(batch, 11, 10, false), DataError);
  try {
    check_batch(batch, 10, 9, true);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "sample 812 has label 9, but the model has 9 classes");
  }
  batch.labels.pop_back();
  EXPECT_THROW(check_batch(batch, 10, 10, true), DataError);
}

}  // namespace
}  // namespace dltonic::model
