/// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
/// A draw is a pure function of (seed, use, a, b, position), so no per-rank state exists and any number of ranks or
/// threads, and any kernel, can make the same draw.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace dltonic {

/// What a draw is for: draws of different uses never share numbers. Never renumber: files depend on it.
enum class Use : std::uint32_t {
  split = 1,        ///< a: 0
  order = 2,        ///< a: epoch
  init = 3,         ///< a: layer, b: gate
  wiring = 4,       ///< a: layer
  augment = 5,      ///< a: epoch, b: sample
  gumbel = 6,       ///< a: step, b: gate
  simulator = 7,    ///< a: image
  dropout = 8,      ///< a: step, b: sample
  salt_pepper = 9,  ///< a: epoch, b: sample
  drop = 10,        ///< a: epoch, b: sample
  // Augmentations of events. a: epoch, b: recording
  event_reverse_time = 32,
  event_time_skew = 33,
  event_delete_time = 34,
  event_time_jitter = 35,
  event_flip_x = 36,
  event_flip_y = 37,
  event_shear = 38,
  event_rotate = 39,
  event_roll = 40,
  event_shift = 41,
  event_spatial_jitter = 42,
  event_flip_polarity = 43,
  event_drop = 44,
  event_drop_time = 45,
  event_drop_area = 46,
  event_drop_one = 47,
  event_noise = 48,
  event_mix = 49,
  test = 1000,
};

namespace philox {
using Block = std::array<std::uint32_t, 4>;
/// One block of four 32-bit words. Key: two words; counter: four.
constexpr Block block(Block counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// Blocks side by side: words[0 … 3][lane] are counters and become the blocks.
template <int kLanes>
constexpr void blocks(std::uint32_t (&words)[4][kLanes], std::array<std::uint32_t, 2> key) {
  for (int i = 0; i < kLanes; ++i) {
    const Block made = block({words[0][i], words[1][i], words[2][i], words[3][i]}, key);
    for (int k = 0; k < 4; ++k) words[k][i] = made[static_cast<std::size_t>(k)];
  }
}
/// The same for host code, in vectors.
void blocks(std::uint32_t (&words)[4][8], std::array<std::uint32_t, 2> key);
}  // namespace philox

/// A stream of numbers for one (seed, use, a, b). Cheap to make: no state but its position.
/// Key = seed; counter = (block, use, a, b).
class Random {
 public:
  constexpr Random(std::uint64_t seed, Use use, std::uint32_t a = 0, std::uint32_t b = 0)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, static_cast<std::uint32_t>(use), a, b} {}

  constexpr std::uint32_t next_u32() {
    if (used_ == 4) {
      words_ = philox::block(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return words_[used_++];
  }
  constexpr std::uint64_t next_u64() {
    const std::uint64_t high = next_u32();
    return (high << 32) | next_u32();
  }
  /// In [0, 1), 24 bits.
  constexpr float uniform() { return static_cast<float>(next_u32() >> 8) * 0x1.0p-24f; }
  /// In [0, 1), 53 bits.
  constexpr double uniform_double() { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }
  /// In [0, n) without bias (Lemire, ACM TOMACS 2019). n > 0.
  constexpr std::uint32_t below(std::uint32_t n) {
    std::uint64_t product = std::uint64_t{next_u32()} * n;
    if (static_cast<std::uint32_t>(product) < n) {
      const std::uint32_t threshold = (0u - n) % n;
      while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next_u32()} * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }
  /// In [low, high], both included.
  constexpr int between(int low, int high) { return low + static_cast<int>(below(static_cast<std::uint32_t>(high - low + 1))); }
  /// Standard normal (Box-Muller, two words a draw).
  double normal() {
    const double u = (static_cast<double>(next_u32()) + 0.5) * 0x1.0p-32;
    const double v = static_cast<double>(next_u32()) * 0x1.0p-32;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
  }

 private:
  std::array<std::uint32_t, 2> key_;
  philox::Block counter_;
  philox::Block words_{};
  unsigned used_ = 4;
};

/// A uniform permutation of 0 … n−1 (Fisher-Yates).
std::vector<std::uint32_t> permutation(std::uint32_t n, Random random);
/// The same into memory that is there: `order` becomes a permutation of 0 … order.size()−1.
void permute(std::span<std::uint32_t> order, Random random);

}  // namespace dltonic
