#include "dltonic/core/bits.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cstring>

#include "dltonic/core/random.h"

namespace dltonic {
namespace {

BitMatrix random_bits(std::size_t rows, std::size_t bits, std::uint64_t seed) {
  BitMatrix matrix(rows, bits);
  Random random(seed, Use::test);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t b = 0; b < bits; ++b) {
      if (random.next_u32() & 1u) matrix.set(r, b);
    }
  }
  return matrix;
}

TEST(BitMatrixTest, BitsLieAsNumpysPackbitsLittleHasThem) {
  // numpy.packbits(row, bitorder="little") of a row with bits 0, 9, 63, 64 and 69 set.
  BitMatrix matrix(2, 70);
  for (const std::size_t bit : {0, 9, 63, 64, 69}) matrix.set(1, bit);
  const unsigned char expected[16] = {1, 2, 0, 0, 0, 0, 0, 0x80, 0x21};
  EXPECT_EQ(matrix.row_words(), 2u);
  EXPECT_EQ(std::memcmp(matrix.row(1).data(), expected, sizeof expected), 0);
  EXPECT_EQ(matrix.count(), 5u);
  EXPECT_TRUE(matrix.get(1, 63));
  EXPECT_FALSE(matrix.get(0, 63));
  EXPECT_FALSE(matrix.get(1, 62));
}

TEST(BitMatrixTest, TransposeMatchesItsDefinitionAtOddSizes) {
  for (const std::size_t rows : {1, 2, 63, 64, 65, 100, 129}) {
    for (const std::size_t bits : {1, 3, 63, 64, 65, 127, 128, 200}) {
      const BitMatrix in = random_bits(rows, bits, rows * 1000 + bits);
      BitMatrix out = random_bits(5, 300, 1);  // what was there must not show through
      transpose(in, out);
      ASSERT_EQ(out.rows(), bits);
      ASSERT_EQ(out.bits(), rows);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t b = 0; b < bits; ++b)
          ASSERT_EQ(out.get(b, r), in.get(r, b)) << rows << "x" << bits << " at " << r << "," << b;
      }
      // Bits past the end stay zero: popcounts and comparisons of words rely on it.
      EXPECT_EQ(out.count(), in.count()) << rows << "x" << bits;
      BitMatrix back;
      transpose(out, back);
      EXPECT_EQ(back, in);
    }
  }
}

TEST(BitMatrixTest, TransposeOfNothing) {
  BitMatrix out(3, 3);
  transpose(BitMatrix(0, 10), out);
  EXPECT_EQ(out.rows(), 10u);
  EXPECT_EQ(out.bits(), 0u);
  transpose(BitMatrix(10, 0), out);
  EXPECT_EQ(out.rows(), 0u);
  EXPECT_EQ(out.bits(), 10u);
}

TEST(BitMatrixTest, TransposeDoesNotDependOnTheNumberOfThreads) {
  const BitMatrix in = random_bits(130, 1000, 3);
  const int before = omp_get_max_threads();
  BitMatrix one, three;
  omp_set_num_threads(1);
  transpose(in, one);
  omp_set_num_threads(3);
  transpose(in, three);
  omp_set_num_threads(before);
  EXPECT_EQ(one, three);
}

TEST(BitMatrixTest, ResetClearsAndRowsAreAddedEmpty) {
  BitMatrix matrix = random_bits(4, 70, 4);
  matrix.reset(2, 130);
  EXPECT_EQ(matrix.count(), 0u);
  EXPECT_EQ(matrix.row_words(), 3u);
  matrix.set(1, 129);
  matrix.add_rows(3);
  EXPECT_EQ(matrix.rows(), 5u);
  EXPECT_TRUE(matrix.get(1, 129));
  EXPECT_EQ(matrix.count(), 1u);
}

}  // namespace
}  // namespace dltonic
