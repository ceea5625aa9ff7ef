#include "events/frame_bits.h"

#include <bit>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace dltonic::events {

static_assert(std::endian::native == std::endian::little, "pack_bits reads eight bytes as one little-endian word");

void pack_bits(std::span<const std::uint8_t> hit, std::span<std::uint64_t> out) {
  const std::uint8_t* bytes = hit.data();
  for (std::uint64_t& packed : out) {
#if defined(__AVX2__)
    const auto mask = [](const std::uint8_t* from) {  // the lowest bit of each byte, moved to its sign
      return static_cast<std::uint32_t>(
          _mm256_movemask_epi8(_mm256_slli_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), 7)));
    };
    packed = std::uint64_t{mask(bytes + 32)} << 32 | mask(bytes);
#else
    std::uint64_t word = 0;
    for (unsigned byte = 0; byte < 8; ++byte) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, bytes + 8 * byte, 8);
      word |= (eight * 0x0102040810204080u >> 56) << (8 * byte);  // gathers eight lowest bits into the top byte
    }
    packed = word;
#endif
    bytes += 64;
  }
}

}  // namespace dltonic::events
