#include "events/atis_rows.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace dltonic::events {

#if defined(__AVX2__)

// Four rows are 20 bytes, more than a 16-byte lane of a shuffle sees. Each lane is therefore loaded twice: `head` from byte 0
// (rows 0, 1, 2 and x of row 3) and `tail` from byte 4 (rows 1, 2, 3); low lane: rows 0–3, high lane: rows 4–7. The last
// load ends with byte 40 of 40: nothing is read past a block.
std::size_t decode_plain_blocks(const std::byte* rows, std::size_t row_count, std::uint32_t offset_us, const EventSink& out,
                                std::size_t count) {
  constexpr char z = -1;  // a zero byte
  // From head: x of rows 0–3, then y of rows 0, 1, 2, each 16 bits wide. From tail: y of row 3.
  const __m256i xy_head = _mm256_setr_epi8(0, z, 5, z, 10, z, 15, z, 1, z, 6, z, 11, z, z, z,  //
                                           0, z, 5, z, 10, z, 15, z, 1, z, 6, z, 11, z, z, z);
  const __m256i xy_tail = _mm256_setr_epi8(z, z, z, z, z, z, z, z, z, z, z, z, z, z, 12, z,  //
                                           z, z, z, z, z, z, z, z, z, z, z, z, z, z, 12, z);
  // p and t, 32 bits a row, lowest byte first: rows 0, 1, 2 from head, row 3 from tail (its bytes 17–19 lie at 13–15 there).
  const __m256i pt_head = _mm256_setr_epi8(4, 3, 2, z, 9, 8, 7, z, 14, 13, 12, z, z, z, z, z,  //
                                           4, 3, 2, z, 9, 8, 7, z, 14, 13, 12, z, z, z, z, z);
  const __m256i pt_tail = _mm256_setr_epi8(z, z, z, z, z, z, z, z, z, z, z, z, 15, 14, 13, z,  //
                                           z, z, z, z, z, z, z, z, z, z, z, z, 15, 14, 13, z);
  // The lowest byte of each of four 32-bit values to the lane's lowest 32 bits.
  const __m256i low_bytes = _mm256_setr_epi8(0, 4, 8, 12, z, z, z, z, z, z, z, z, z, z, z, z,  //
                                             0, 4, 8, 12, z, z, z, z, z, z, z, z, z, z, z, z);
  const __m128i marker = _mm_set1_epi16(kAtisOverflowRow);
  const __m256i time_mask = _mm256_set1_epi32(0x7FFFFF);
  const __m256i offset = _mm256_set1_epi32(static_cast<int>(offset_us));

  const auto load = [](const std::byte* low, const std::byte* high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
                                   _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
  };
  std::uint16_t* x = out.x + count;
  std::uint16_t* y = out.y + count;
  std::uint32_t* t = out.t + count;
  std::uint8_t* p = out.p + count;

  std::size_t row = 0;
  for (; row + kAtisBlockRows <= row_count; row += kAtisBlockRows) {
    const std::byte* from = rows + row * kAtisRowBytes;
    const __m256i head = load(from, from + 20);
    const __m256i tail = load(from + 4, from + 24);
    const __m256i xy = _mm256_or_si256(_mm256_shuffle_epi8(head, xy_head), _mm256_shuffle_epi8(tail, xy_tail));
    const __m256i x_then_y = _mm256_permute4x64_epi64(xy, 0b11'01'10'00);
    const __m128i ys = _mm256_extracti128_si256(x_then_y, 1);
    if (_mm_movemask_epi8(_mm_cmpeq_epi16(ys, marker)) != 0) break;
    const __m256i pt = _mm256_or_si256(_mm256_shuffle_epi8(head, pt_head), _mm256_shuffle_epi8(tail, pt_tail));
    const __m256i ps = _mm256_shuffle_epi8(_mm256_srli_epi32(pt, 23), low_bytes);
    const __m128i p8 = _mm_unpacklo_epi32(_mm256_castsi256_si128(ps), _mm256_extracti128_si256(ps, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(x + row), _mm256_castsi256_si128(x_then_y));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + row), ys);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(t + row), _mm256_add_epi32(_mm256_and_si256(pt, time_mask), offset));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p + row), p8);
  }
  return row;
}

#else

std::size_t decode_plain_blocks(const std::byte*, std::size_t, std::uint32_t, const EventSink&, std::size_t) { return 0; }

#endif

}  // namespace dltonic::events
