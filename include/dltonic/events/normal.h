/// Normal numbers from uniform words: the inverse of the distribution function by tables that are the same on every machine,
/// one in integers and one of few random bits.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "dltonic/core/everywhere.h"

namespace dltonic::events {

/// z × 2^16 by tail probability: 32 straight pieces an octave of 2^-32 … 2^-1. Deviates from the true inverse by less than
/// 0.001 (tests).
class NormalTable {
 public:
  static constexpr int kOctaves = 31, kPieceBits = 5;
  static constexpr std::size_t kPieces = kOctaves << kPieceBits;
  static constexpr std::size_t kQuantiles = 4096;

  /// Standard normal × 2^16, from a uniform word: its lowest bit is the sign, the others are the tail's probability.
  static std::span<const std::int32_t> table() { return kTable; }
  static std::int32_t normal(std::uint32_t word) { return normal(word, kTable.data()); }
  /// The same by a copy of the table, of a GPU for instance.
  DLTONIC_EVERYWHERE static std::int32_t normal(std::uint32_t word, const std::int32_t* table) {
    const auto tail = static_cast<float>(static_cast<std::int32_t>((word >> 1) | 1u));  // in units of 2^-32, rounded
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(tail);
    const std::uint32_t piece = (bits >> kFractionBits) - kFirstPiece;
    const auto fraction = static_cast<std::int32_t>(bits & ((1u << kFractionBits) - 1));
    const std::int32_t from = table[piece], to = table[piece + 1];
    const std::int32_t z = from - ((from - to) * fraction >> kFractionBits);
    const std::int32_t sign = -static_cast<std::int32_t>(word & 1u);
    return (z ^ sign) - sign;
  }
  /// A normal number of standard deviation `sd`, given as sd / 2^16, rounded: the product and the sum one after the other.
  DLTONIC_EVERYWHERE static std::int32_t rounded(std::int32_t z, float scale) {
#ifdef __CUDA_ARCH__
    const float moved = __fmul_rn(static_cast<float>(z), scale);
    return static_cast<std::int32_t>(__fadd_rn(moved, moved < 0 ? -0.5f : 0.5f));
#else
    const float moved = static_cast<float>(z) * scale;
    return static_cast<std::int32_t>(moved + (moved < 0 ? -0.5f : 0.5f));
#endif
  }
  /// Standard normal by its quantile at (i + 1/2) / 4096, from 12 random bits: for the simulator, which makes two of a word
  /// and needs a vector's speed more than tails beyond 3.7 or steps finer than 1/4096.
  static const std::array<float, kQuantiles>& quantiles() { return kQuantile; }

 private:
  static constexpr int kFractionBits = 23 - kPieceBits;
  static constexpr std::uint32_t kFirstPiece = 127u << kPieceBits;  // of the float 1
  static const std::array<std::int32_t, kPieces + 2> kTable;
  static const std::array<float, kQuantiles> kQuantile;
};

}  // namespace dltonic::events
