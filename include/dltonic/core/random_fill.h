/// Many random numbers at once, in vectors.
#pragma once

#include <cstdint>
#include <span>

#include "dltonic/core/random.h"

namespace dltonic {

/// Uniform words of (seed, use, a, b), from blocks first_block on: word 32·g + 8·k + lane is word k of block
/// first_block + 8·g + lane of Philox with Random's key and counter. A function of its place alone: it does not depend on
/// how many are asked for. random_word is one of them, for kernels.
constexpr std::uint32_t random_word(std::uint64_t seed, Use use, std::uint32_t a, std::uint32_t b, std::uint32_t first_block,
                                    std::uint32_t i) {
  const philox::Block made = philox::block({first_block + i / 32 * 8 + i % 8, static_cast<std::uint32_t>(use), a, b},
                                           {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return made[i % 32 / 8];
}
void fill_random(std::uint64_t seed, Use use, std::uint32_t a, std::uint32_t b, std::uint32_t first_block,
                 std::span<std::uint32_t> words);

}  // namespace dltonic
