#include "events/time_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace dltonic::events {
namespace {

constexpr int kDigitBits = 11;  // 2048 counters: they stay in the first cache beside the keys

/// The events in the order of the sorted keys.
void gather(Events& events, AugmentMemory& memory) {
  const std::size_t n = events.size();
  const std::uint64_t* keys = memory.keys.data();
  events.x.swap(memory.x), events.y.swap(memory.y), events.p.swap(memory.p);
  events.x.resize(n), events.y.resize(n), events.p.resize(n);
  const std::uint16_t *from_x = memory.x.data(), *from_y = memory.y.data();
  const std::uint8_t* from_p = memory.p.data();
  std::uint16_t *x = events.x.data(), *y = events.y.data();
  std::uint32_t* t = events.t.data();
  std::uint8_t* p = events.p.data();
  for (std::size_t i = 0; i < n; ++i) {
    const auto from = static_cast<std::uint32_t>(keys[i]);
    t[i] = static_cast<std::uint32_t>(keys[i] >> 32);
    x[i] = from_x[from], y[i] = from_y[from], p[i] = from_p[from];
  }
}

}  // namespace

void sort_keys(AugmentMemory& memory) {
  std::vector<std::uint64_t>&keys = memory.keys, &other = memory.other;
  other.resize(keys.size());
  std::uint32_t least = ~0u, most = 0;
  for (const std::uint64_t key : keys) {
    const auto time = static_cast<std::uint32_t>(key >> 32);
    least = std::min(least, time), most = std::max(most, time);
  }
  const int bits = std::bit_width(most - least);
  const int passes = (bits + kDigitBits - 1) / kDigitBits;
  if (passes == 0) return;
  const int digit_bits = (bits + passes - 1) / passes;
  const std::uint32_t mask = (1u << digit_bits) - 1;
  std::array<std::array<std::uint32_t, 1u << kDigitBits>, 3> places{};
  for (const std::uint64_t key : keys) {
    const auto time = static_cast<std::uint32_t>(key >> 32) - least;
    for (int pass = 0; pass < passes; ++pass) ++places[static_cast<std::size_t>(pass)][time >> (pass * digit_bits) & mask];
  }
  for (int pass = 0; pass < passes; ++pass) {
    auto& place = places[static_cast<std::size_t>(pass)];
    std::uint32_t before = 0;
    for (std::uint32_t digit = 0; digit <= mask; ++digit) before += std::exchange(place[digit], before);
    std::uint64_t* to = other.data();
    for (const std::uint64_t key : keys) {
      const auto time = static_cast<std::uint32_t>(key >> 32) - least;
      to[place[time >> (pass * digit_bits) & mask]++] = key;
    }
    keys.swap(other);
  }
}

void order_by_keys(Events& events, AugmentMemory& memory) {
  sort_keys(memory);
  gather(events, memory);
}

void merge_parts(Events& events, std::size_t middle, AugmentMemory& memory) {
  const std::size_t n = events.size();
  memory.keys.resize(n);
  std::uint64_t* keys = memory.keys.data();
  const std::uint32_t* t = events.t.data();
  std::size_t first = 0, second = middle, made = 0;
  while (first < middle && second < n) {  // no branch on the times, which nothing foretells
    const bool takes_second = t[second] < t[first];
    const std::size_t from = takes_second ? second : first;
    keys[made++] = std::uint64_t{t[from]} << 32 | from;
    second += takes_second ? 1 : 0;
    first += takes_second ? 0 : 1;
  }
  for (; first < middle; ++first) keys[made++] = std::uint64_t{t[first]} << 32 | first;
  for (; second < n; ++second) keys[made++] = std::uint64_t{t[second]} << 32 | second;
  gather(events, memory);
}

}  // namespace dltonic::events
