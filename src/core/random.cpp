#include "dltonic/core/random.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <numeric>
#include <utility>

namespace dltonic {
namespace philox {
#ifdef __AVX2__
namespace {
struct Product {
  __m256i high, low;
};
/// High and low halves of the products of eight words with the word that all places of `factor` hold.
Product multiply(__m256i words, __m256i factor) {
  const __m256i even = _mm256_mul_epu32(words, factor);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(words, 32), factor);
  return {_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA),
          _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA)};
}
__m256i all(std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
}  // namespace

void blocks(std::uint32_t (&words)[4][8], std::array<std::uint32_t, 2> key) {
  __m256i c[4];
  for (int k = 0; k < 4; ++k) c[k] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words[k]));
  for (int round = 0; round < 10; ++round) {
    const Product p0 = multiply(c[0], all(0xD2511F53u)), p1 = multiply(c[2], all(0xCD9E8D57u));
    c[0] = _mm256_xor_si256(_mm256_xor_si256(p1.high, c[1]), all(key[0]));
    c[1] = p1.low;
    c[2] = _mm256_xor_si256(_mm256_xor_si256(p0.high, c[3]), all(key[1]));
    c[3] = p0.low;
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  for (int k = 0; k < 4; ++k) _mm256_storeu_si256(reinterpret_cast<__m256i*>(words[k]), c[k]);
}
#else
void blocks(std::uint32_t (&words)[4][8], std::array<std::uint32_t, 2> key) { blocks<8>(words, key); }
#endif
}  // namespace philox

void permute(std::span<std::uint32_t> order, Random random) {
  std::iota(order.begin(), order.end(), 0u);
  for (auto i = static_cast<std::uint32_t>(order.size()); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

std::vector<std::uint32_t> permutation(std::uint32_t n, Random random) {
  std::vector<std::uint32_t> order(n);
  permute(order, random);
  return order;
}

}  // namespace dltonic
