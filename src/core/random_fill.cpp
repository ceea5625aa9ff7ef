#include "dltonic/core/random_fill.h"

#include <algorithm>

namespace dltonic {

void fill_random(std::uint64_t seed, Use use, std::uint32_t a, std::uint32_t b, std::uint32_t first_block,
                 std::span<std::uint32_t> words) {
  const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (std::size_t first = 0; first < words.size(); first += 32) {
    std::uint32_t made[4][8];
    for (std::uint32_t lane = 0; lane < 8; ++lane) {
      made[0][lane] = first_block + static_cast<std::uint32_t>(first / 4) + lane;
      made[1][lane] = static_cast<std::uint32_t>(use);
      made[2][lane] = a;
      made[3][lane] = b;
    }
    philox::blocks(made, key);
    std::copy_n(&made[0][0], std::min<std::size_t>(32, words.size() - first), words.data() + first);
  }
}

}  // namespace dltonic
