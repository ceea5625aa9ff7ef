#include "events/keep.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace dltonic::events {
namespace {

/// The columns, apart from the vectors that hold them: stores to bytes may alias anything, and would make the compiler read
/// the vectors' pointers again for every event.
struct Columns {
  explicit Columns(Events& e) : x(e.x.data()), y(e.y.data()), t(e.t.data()), p(e.p.data()) {}
  std::uint16_t *x, *y;
  std::uint32_t* t;
  std::uint8_t* p;

  void copy(std::size_t from, std::size_t to) const {
    x[to] = x[from];
    y[to] = y[from];
    t[to] = t[from];
    p[to] = p[from];
  }
};

#if defined(__AVX2__)
/// [mask of 8 events] the places of those that are kept, in order; what follows is any.
constexpr auto kPlaces = [] {
  std::array<std::uint64_t, 256> places{};
  for (unsigned mask = 0; mask < 256; ++mask) {
    unsigned kept = 0;
    for (unsigned i = 0; i < 8; ++i) {
      if ((mask >> i & 1u) != 0) places[mask] |= std::uint64_t{i} << (8 * kept++);
    }
  }
  return places;
}();

/// Eight events from `from` on, those of `mask` to `to` and the places after it. to <= from: what is overwritten was read.
void keep_eight(const Columns& c, std::size_t from, std::size_t to, unsigned mask) {
  const __m128i places = _mm_cvtsi64_si128(static_cast<long long>(kPlaces[mask]));
  const __m128i words = _mm_cvtepu8_epi16(places);  // bytes 2i and 2i + 1 of a column of 16 bits
  const __m128i bytes = _mm_add_epi16(_mm_mullo_epi16(words, _mm_set1_epi16(0x0202)), _mm_set1_epi16(0x0100));
  const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(c.x + from));
  const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(c.y + from));
  const __m256i t = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(c.t + from));
  const __m128i p = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(c.p + from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(c.x + to), _mm_shuffle_epi8(x, bytes));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(c.y + to), _mm_shuffle_epi8(y, bytes));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(c.t + to), _mm256_permutevar8x32_epi32(t, _mm256_cvtepu8_epi32(places)));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(c.p + to), _mm_shuffle_epi8(p, places));
}
#else
void keep_eight(const Columns& c, std::size_t from, std::size_t to, unsigned mask) {
  for (unsigned i = 0; i < 8; ++i) {
    c.copy(from + i, to);
    to += mask >> i & 1u;
  }
}
#endif

/// mask(g): which of the eight events from 8·g on are kept, as the bits of a byte; one(i): whether event i is kept.
template <class Mask, class One>
std::size_t keep(Events& events, Mask mask, One one) {
  const std::size_t n = events.size(), groups = n / 8;
  const Columns columns(events);
  std::size_t kept = 0;
  for (std::size_t g = 0; g < groups; ++g) {
    const unsigned bits = mask(g);
    keep_eight(columns, 8 * g, kept, bits);
    kept += static_cast<std::size_t>(std::popcount(bits));
  }
  for (std::size_t i = 8 * groups; i < n; ++i) {
    columns.copy(i, kept);
    kept += one(i) ? 1 : 0;
  }
  events.resize(kept);
  return n - kept;
}

}  // namespace

std::size_t keep_marked(Events& events, std::span<const std::uint8_t> marks) {
  const auto mask = [marks](std::size_t group) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, marks.data() + 8 * group, 8);
    return static_cast<unsigned>(eight * 0x0102040810204080u >> 56);  // gathers eight lowest bits into the top byte
  };
  return keep(events, mask, [marks](std::size_t i) { return marks[i] != 0; });
}

std::size_t keep_by_bits(Events& events, std::span<const std::uint32_t> words, bool kept) {
  const std::uint32_t flip = kept ? 0 : ~0u;
  const auto mask = [words, flip](std::size_t group) { return ((words[group / 4] ^ flip) >> (8 * (group % 4))) & 0xFFu; };
  return keep(events, mask, [words, flip](std::size_t i) { return ((words[i / 32] ^ flip) >> (i % 32) & 1u) != 0; });
}

std::size_t keep_range(Events& events, std::size_t first, std::size_t last) {
  const std::size_t before = events.size();
  const auto move = [first, last](auto& column) {
    std::copy(column.begin() + static_cast<std::ptrdiff_t>(first), column.begin() + static_cast<std::ptrdiff_t>(last),
              column.begin());
  };
  if (first > 0) move(events.x), move(events.y), move(events.t), move(events.p);
  events.resize(last - first);
  return before - events.size();
}

std::size_t drop_range(Events& events, std::size_t first, std::size_t last) {
  const auto erase = [first, last](auto& column) {
    column.erase(column.begin() + static_cast<std::ptrdiff_t>(first), column.begin() + static_cast<std::ptrdiff_t>(last));
  };
  erase(events.x), erase(events.y), erase(events.t), erase(events.p);
  return last - first;
}

}  // namespace dltonic::events
