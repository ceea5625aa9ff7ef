#include "events/pixel_events.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace dltonic::events {

#if defined(__AVX2__)
namespace {

/// [bits] the places of the bits that are set, lowest first.
constexpr auto kPlaces = [] {
  std::array<std::array<std::uint8_t, 8>, 256> places{};
  for (unsigned bits = 0; bits < 256; ++bits) {
    std::size_t count = 0;
    for (std::uint8_t place = 0; place < 8; ++place) {
      if ((bits >> place & 1) != 0) places[bits][count++] = place;
    }
  }
  return places;
}();

}  // namespace
#endif

void fire(PixelLevels& levels, double from_us, double to_us, double refractory_us, EventBuffer& buffer) {
  const auto start_us = static_cast<float>(from_us), dt_us = static_cast<float>(to_us - from_us);
  const float dead_us = refractory_us > 0 ? static_cast<float>(refractory_us) : -1e30f;  // none: keeps all
  const float *now = levels.now.data(), *before = levels.before.data(), *on = levels.on.data(),
              *minus_off = levels.minus_off.data();
  float *up = levels.up.data(), *down = levels.down.data(), *last_us = levels.last_us.data();
  RawEvent* events = buffer.events.data();
  std::size_t count = buffer.count, room = buffer.events.size();
  for (std::size_t group = 0, pixels = levels.now.size(); group < pixels;) {
    if (room < count + 8) {  // here, not where the events are written: a call there would empty the registers
      buffer.count = count;
      buffer.make_room(8);
      events = buffer.events.data();
      room = buffer.events.size();
    }
#if defined(__AVX2__)
    const __m256 level = _mm256_loadu_ps(now + group);
    __m256 next_up = _mm256_loadu_ps(up + group), next_down = _mm256_loadu_ps(down + group);
    __m256 rises = _mm256_cmp_ps(level, next_up, _CMP_GE_OQ);
    __m256 firing = _mm256_or_ps(rises, _mm256_cmp_ps(level, next_down, _CMP_LE_OQ));
    if (_mm256_testz_ps(firing, firing)) {
      group += 8;
      continue;
    }
    const __m256 was = _mm256_loadu_ps(before + group), dt = _mm256_set1_ps(dt_us);
    const __m256 us_a_unit = _mm256_div_ps(dt, _mm256_sub_ps(level, was));
    const __m256 add_on = _mm256_loadu_ps(on + group), add_off = _mm256_loadu_ps(minus_off + group);
    const __m256i code =
        _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(2 * group)), _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14));
    __m256 last = _mm256_loadu_ps(last_us + group);
    do {
      const __m256 part = _mm256_mul_ps(_mm256_sub_ps(_mm256_blendv_ps(next_down, next_up, rises), was), us_a_unit);
      const __m256 t = _mm256_add_ps(_mm256_set1_ps(start_us), _mm256_min_ps(_mm256_max_ps(part, _mm256_setzero_ps()), dt));
      const __m256 rested = _mm256_cmp_ps(_mm256_sub_ps(t, last), _mm256_set1_ps(dead_us), _CMP_GE_OQ);
      const __m256 kept = _mm256_and_ps(firing, rested);
      last = _mm256_blendv_ps(last, t, kept);
      // Those that are kept move to the front; what is written behind them is overwritten.
      const auto mask = static_cast<unsigned>(_mm256_movemask_ps(kept));
      const __m256i order = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kPlaces[mask].data())));
      const __m256i times = _mm256_permutevar8x32_epi32(_mm256_cvttps_epi32(t), order);
      const __m256i codes = _mm256_permutevar8x32_epi32(_mm256_sub_epi32(code, _mm256_castps_si256(rises)), order);
      const __m256i low = _mm256_unpacklo_epi32(times, codes), high = _mm256_unpackhi_epi32(times, codes);
      auto* to = reinterpret_cast<__m256i*>(events + count);
      _mm256_storeu_si256(to, _mm256_permute2x128_si256(low, high, 0x20));
      _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(low, high, 0x31));
      count += static_cast<std::size_t>(std::popcount(mask));
      const __m256 step = _mm256_and_ps(firing, _mm256_blendv_ps(add_off, add_on, rises));
      next_up = _mm256_add_ps(next_up, step);
      next_down = _mm256_add_ps(next_down, step);
      rises = _mm256_cmp_ps(level, next_up, _CMP_GE_OQ);
      firing = _mm256_or_ps(rises, _mm256_cmp_ps(level, next_down, _CMP_LE_OQ));
    } while (!_mm256_testz_ps(firing, firing) && count + 8 <= room);
    _mm256_storeu_ps(up + group, next_up);
    _mm256_storeu_ps(down + group, next_down);
    _mm256_storeu_ps(last_us + group, last);
    if (_mm256_testz_ps(firing, firing)) group += 8;
#else
    bool fired = false;
    for (std::size_t i = group; i < group + 8; ++i) {
      const bool rises = now[i] >= up[i];
      if (!rises && now[i] > down[i]) continue;
      fired = true;
      const float part = ((rises ? up[i] : down[i]) - before[i]) * (dt_us / (now[i] - before[i]));
      const float t = start_us + std::min(std::max(part, 0.0f), dt_us);
      if (t - last_us[i] >= dead_us) {
        events[count++] = {static_cast<std::uint32_t>(t), static_cast<std::uint32_t>(2 * i + rises)};
        last_us[i] = t;
      }
      const float step = rises ? on[i] : minus_off[i];
      up[i] += step;
      down[i] += step;
    }
    if (!fired) group += 8;
#endif
  }
  buffer.count = count;
}

/// A radix sort, its last pass straight into `out`.
void write_sorted(EventBuffer& buffer, std::uint32_t last_t, std::span<const std::uint16_t> column_of,
                  std::span<const std::uint16_t> row_of, Events& out) {
  constexpr unsigned kWidest = 11;
  const unsigned bits = std::max(1u, static_cast<unsigned>(std::bit_width(last_t)));
  const unsigned passes = (bits + kWidest - 1) / kWidest, digit = (bits + passes - 1) / passes;
  const std::uint32_t mask = (1u << digit) - 1;
  std::array<std::uint32_t, 1u << kWidest> place;
  const std::size_t n = buffer.count;
  buffer.sorted.resize(buffer.events.size());
  out.resize(n);
  const std::uint16_t *column = column_of.data(), *row = row_of.data();
  std::uint16_t *x = out.x.data(), *y = out.y.data();
  std::uint32_t* t = out.t.data();
  std::uint8_t* p = out.p.data();
  for (unsigned pass = 0; pass < passes; ++pass) {
    const unsigned shift = pass * digit;
    const RawEvent* from = buffer.events.data();
    std::fill_n(place.begin(), mask + 1, 0u);
    for (std::size_t i = 0; i < n; ++i) ++place[from[i].t >> shift & mask];
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i <= mask; ++i) sum += std::exchange(place[i], sum);
    if (pass + 1 < passes) {
      RawEvent* to = buffer.sorted.data();
      for (std::size_t i = 0; i < n; ++i) to[place[from[i].t >> shift & mask]++] = from[i];
      buffer.events.swap(buffer.sorted);
      continue;
    }
    for (std::size_t i = 0; i < n; ++i) {
      const RawEvent event = from[i];
      const std::uint32_t to = place[event.t >> shift & mask]++;
      x[to] = column[event.code >> 1];
      y[to] = row[event.code >> 1];
      t[to] = event.t;
      p[to] = static_cast<std::uint8_t>(event.code & 1);
    }
  }
}

}  // namespace dltonic::events
