/// Random masks of bits, the same on the host and in kernels.
#pragma once

#include <cstdint>

#include "dltonic/core/random.h"

namespace dltonic {

/// A probability in [0, 1) in steps of 2^-32; one above 0 stays above 0.
constexpr std::uint32_t bernoulli_threshold(double probability) {
  const double scaled = probability * 0x1.0p32 + 0.5;
  if (probability <= 0) return 0;
  if (scaled >= 0xFFFFFFFFp0) return 0xFFFFFFFFu;
  return scaled < 1 ? 1 : static_cast<std::uint32_t>(scaled);
}

/// Whose bits they are.
struct BernoulliKey {
  std::uint64_t seed;
  Use use;
  std::uint32_t epoch, sample;
};

/// Words first_word … first_word + kWords − 1 of a random mask that belongs to `key`: every bit is set
/// with probability threshold / 2^32, apart from all others. Each word is a function of its own number alone.
///
/// Each bit compares a random 32-bit number with the threshold, most significant bit first, and is decided at the first
/// bit in which they differ. The numbers lie bit-sliced: random word k of a mask word holds bit 31 − k of the numbers of
/// its 32 bits. Half of the bits are decided by each random word, so few are drawn: about 6 for one mask word.
template <int kWords>
constexpr void bernoulli_words(const BernoulliKey& key, std::uint32_t first_word, std::uint32_t threshold,
                               std::uint32_t (&mask)[kWords]) {
  constexpr std::uint32_t kBlocks = 8;  // of 4 random words: all 32 bits of the threshold
  std::uint32_t undecided[kWords] = {};
  for (int i = 0; i < kWords; ++i) {
    mask[i] = 0;
    undecided[i] = ~0u;
  }
  // Where no bit of the threshold is left, a number that was equal so far is not below it.
  for (std::uint32_t block = 0; block < kBlocks && threshold << (4 * block) != 0; ++block) {
    std::uint32_t random[4][kWords] = {};
    for (int i = 0; i < kWords; ++i) {
      random[0][i] = (first_word + static_cast<std::uint32_t>(i)) * kBlocks + block;
      random[1][i] = static_cast<std::uint32_t>(key.use);
      random[2][i] = key.epoch;
      random[3][i] = key.sample;
    }
    philox::blocks(random, {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)});
    std::uint32_t left = 0;
    for (int k = 0; k < 4; ++k) {
      const std::uint32_t bit = 0u - ((threshold >> (31 - 4 * block - static_cast<std::uint32_t>(k))) & 1u);  // in all places
      for (int i = 0; i < kWords; ++i) {
        mask[i] |= undecided[i] & bit & ~random[k][i];
        undecided[i] &= ~(bit ^ random[k][i]);
      }
    }
    for (int i = 0; i < kWords; ++i) left |= undecided[i];
    if (left == 0) break;
  }
}

}  // namespace dltonic
