#include "dltonic/core/random_fill.h"

#include <gtest/gtest.h>

namespace dltonic {
namespace {

TEST(RandomFill, WordsAreThoseOfTheStreamWhateverTheLength) {
  constexpr std::uint64_t kSeed = 0x123456789ABCDEFull;
  Random stream(kSeed, Use::test, 5, 6);
  std::vector<std::uint32_t> in_order(4 * 100);  // blocks 0 … 99
  for (std::uint32_t& word : in_order) word = stream.next_u32();
  for (const std::uint32_t first : {0u, 3u, 16u}) {
    for (const std::size_t count : {0, 1, 31, 32, 33, 200}) {
      std::vector<std::uint32_t> words(count);
      fill_random(kSeed, Use::test, 5, 6, first, words);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t group = i / 32, k = i % 32 / 8, lane = i % 8;
        ASSERT_EQ(words[i], in_order[4 * (first + 8 * group + lane) + k]) << i << " from block " << first;
      }
    }
  }
}

}  // namespace
}  // namespace dltonic
