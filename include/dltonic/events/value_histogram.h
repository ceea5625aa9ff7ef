/// How often values were seen, in buckets: up to 127 exactly, above that in steps of at most 1/64. Counts are integers, so a
/// histogram summed over ranks does not depend on who saw what.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dltonic::events {

class ValueHistogram {
 public:
  static constexpr std::size_t kBuckets = 128 + 57 * 64;

  void add(std::uint64_t value) { ++counts_[bucket_of(value)]; }
  std::span<std::int64_t> counts() { return counts_; }
  std::int64_t total() const;

  struct Range {
    std::uint64_t least, most;  ///< of a bucket
  };
  /// The first bucket up to whose end (`below`: up to whose start) lies a share of at least q of the values; the last one
  /// that holds a value where there is none. Undefined where total() is 0.
  Range at_quantile(double q, bool below) const;

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value < 128) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 7;
    return 128 + (shift - 1) * 64 + static_cast<std::size_t>((value >> shift) - 64);
  }
  static constexpr Range range_of(std::size_t bucket) {
    if (bucket < 128) return {bucket, bucket};
    const std::size_t shift = (bucket - 128) / 64 + 1;
    const std::uint64_t least = (64 + std::uint64_t{(bucket - 128) % 64}) << shift;
    return {least, least + ((std::uint64_t{1} << shift) - 1)};
  }

 private:
  std::array<std::int64_t, kBuckets> counts_{};
};

}  // namespace dltonic::events
