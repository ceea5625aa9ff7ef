/// Rows of packed bits: the one form in which frames lie on disk, in memory and before the first gate layer.
/// Bit j of a row is bit (j mod 64) of word j/64 (little-endian: the same bytes as numpy's packbits(bitorder="little")).
/// Sample-major [sample][feature] on disk and in `data`; feature-major [feature][sample] before `logic`. Frames of half floats
/// lie in the same rows, sixteen bits a feature (data/batch.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dltonic {

constexpr std::size_t words_for(std::size_t bits) { return (bits + 63) / 64; }

class BitMatrix {
 public:
  BitMatrix() = default;
  /// All zero.
  BitMatrix(std::size_t rows, std::size_t bits) : rows_(rows), bits_(bits), stride_(words_for(bits)), words_(rows * stride_) {}

  std::size_t rows() const { return rows_; }
  std::size_t bits() const { return bits_; }         ///< columns
  std::size_t row_words() const { return stride_; }  ///< 64-bit words a row; bits past `bits()` are zero
  std::span<std::uint64_t> row(std::size_t r) { return {words_.data() + r * stride_, stride_}; }
  std::span<const std::uint64_t> row(std::size_t r) const { return {words_.data() + r * stride_, stride_}; }
  std::span<std::uint64_t> words() { return words_; }
  std::span<const std::uint64_t> words() const { return words_; }

  bool get(std::size_t r, std::size_t bit) const { return (words_[r * stride_ + bit / 64] >> (bit % 64)) & 1u; }
  void set(std::size_t r, std::size_t bit) { words_[r * stride_ + bit / 64] |= std::uint64_t{1} << (bit % 64); }

  /// Becomes rows × bits, all zero; keeps its memory where it suffices.
  void reset(std::size_t rows, std::size_t bits);
  /// Adds zero rows at the end.
  void add_rows(std::size_t rows) {
    rows_ += rows;
    words_.resize(rows_ * stride_);
  }
  std::size_t count() const;  ///< bits set
  bool operator==(const BitMatrix&) const = default;

 private:
  std::size_t rows_ = 0, bits_ = 0, stride_ = 0;
  std::vector<std::uint64_t> words_;
};

/// Calls use(f) for every feature f of a row, `depth` bits each (which divides 64), that is not zero.
template <class Use>
void each_set(std::span<const std::uint64_t> row, unsigned depth, Use use) {
  const std::uint64_t feature = ~std::uint64_t{0} >> (64 - depth);
  for (std::size_t w = 0; w < row.size(); ++w) {
    for (std::uint64_t left = row[w]; left != 0;) {
      const auto in_word = static_cast<unsigned>(__builtin_ctzll(left)) / depth;
      use(w * (64 / depth) + in_word);
      left &= ~(feature << (in_word * depth));
    }
  }
}

/// out[j][i] = in[i][j], by 64 × 64 blocks (Hacker's Delight 7-3), OpenMP over blocks of rows of `out`.
void transpose(const BitMatrix& in, BitMatrix& out);

}  // namespace dltonic
