#include "dltonic/core/bits.h"

#include <algorithm>
#include <bit>

namespace dltonic {
namespace {

/// In place: bit j of word i becomes bit i of word j (Warren, Hacker's Delight, 7-3, with bit 0 least significant).
void transpose_block(std::uint64_t (&block)[64]) {
  std::uint64_t mask = 0x00000000FFFFFFFFull;
  for (unsigned width = 32; width != 0; width >>= 1, mask ^= mask << width) {
    for (unsigned i = 0; i < 64; i = (i + width + 1) & ~width) {
      const std::uint64_t swapped = ((block[i] >> width) ^ block[i + width]) & mask;
      block[i] ^= swapped << width;
      block[i + width] ^= swapped;
    }
  }
}

}  // namespace

void BitMatrix::reset(std::size_t rows, std::size_t bits) {
  rows_ = rows;
  bits_ = bits;
  stride_ = words_for(bits);
  words_.assign(rows_ * stride_, 0);
}

std::size_t BitMatrix::count() const {
  std::size_t total = 0;
  for (const std::uint64_t word : words_) total += static_cast<std::size_t>(std::popcount(word));
  return total;
}

void transpose(const BitMatrix& in, BitMatrix& out) {
  out.reset(in.bits(), in.rows());
  const auto column_blocks = static_cast<std::ptrdiff_t>(in.row_words());
#pragma omp parallel for schedule(static)
  for (std::ptrdiff_t cb = 0; cb < column_blocks; ++cb) {
    const auto word = static_cast<std::size_t>(cb);
    const std::size_t out_rows = std::min<std::size_t>(64, out.rows() - word * 64);
    for (std::size_t rb = 0; rb < out.row_words(); ++rb) {
      std::uint64_t block[64] = {};
      const std::size_t in_rows = std::min<std::size_t>(64, in.rows() - rb * 64);
      for (std::size_t i = 0; i < in_rows; ++i) block[i] = in.row(rb * 64 + i)[word];
      transpose_block(block);
      for (std::size_t i = 0; i < out_rows; ++i) out.row(word * 64 + i)[rb] = block[i];
    }
  }
}

}  // namespace dltonic
