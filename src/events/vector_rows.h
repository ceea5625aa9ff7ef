/// What the vectorised loops of decoders share: eight records at a time with AVX2, in the order of the file.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>

#include <cstddef>

#include "events/block_decoder.h"

namespace dltonic::events::avx2 {

constexpr std::size_t kRows = 8;

/// The first and the second 32-bit words of eight records of two.
struct Words {
  __m256i first, second;
};
inline Words load_pairs(const std::byte* from, bool big_endian) {
  const __m256i swap = _mm256_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,  //
                                        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32));
  if (big_endian) low = _mm256_shuffle_epi8(low, swap), high = _mm256_shuffle_epi8(high, swap);
  const __m256 a = _mm256_castsi256_ps(low), b = _mm256_castsi256_ps(high);
  // Records 0 1 4 5 | 2 3 6 7 after the shuffle; the permutation puts the middle right.
  return {_mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0b10'00'10'00)), 0b11'01'10'00),
          _mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0b11'01'11'01)), 0b11'01'10'00)};
}

/// The sign bits of eight 32-bit values.
inline unsigned sign_bits(__m256i values) { return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(values))); }

/// Writes eight events from `at` on: x and y below 65536, p below 256.
inline void store(const EventSink& out, std::size_t at, __m256i x, __m256i y, __m256i t, __m256i p) {
  constexpr char z = -1;                                                                       // a zero byte
  const __m256i low_bytes = _mm256_setr_epi8(0, 4, 8, 12, z, z, z, z, z, z, z, z, z, z, z, z,  //
                                             0, 4, 8, 12, z, z, z, z, z, z, z, z, z, z, z, z);
  const __m256i xy = _mm256_permute4x64_epi64(_mm256_packus_epi32(x, y), 0b11'01'10'00);
  const __m256i bytes = _mm256_shuffle_epi8(p, low_bytes);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.x + at), _mm256_castsi256_si128(xy));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.y + at), _mm256_extracti128_si256(xy, 1));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.t + at), t);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out.p + at),
                   _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
}

}  // namespace dltonic::events::avx2
#endif
