/// What the kernels of gate layers share: rows of activations, and sums over a row.
///
/// Layout: [row][samples], rows padded to a whole number of columns groups. A lane owns kLaneSamples = 8 neighbouring
/// samples, so that a row of bf16 is read by 128-bit loads; kLanes lanes (4, 8, 16 or 32: a part of a warp or all of it)
/// cover a column group of 8 × kLanes samples, blockIdx.y numbers the groups. A gate is the same for all lanes of a group,
/// so nothing diverges inside one.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "logic/gpu/device_plan.h"

namespace dltonic::logic::gpu {

constexpr int kLaneSamples = 8;
constexpr int kBlock = 256;  ///< threads of a block

struct Bits {};  ///< names rows of packed bits where a type of activations is asked for

/// Eight neighbouring samples of a row, as they lie in memory. Loads go past L1: a row is read by one block only.
template <class X>
struct Eight;

template <>
struct Eight<float> {
  using Storage = float;
  static constexpr int kPerElement = 1;  ///< samples an element of storage
  float4 low, high;

  __device__ void load(const float* p) {
    low = __ldcg(reinterpret_cast<const float4*>(p));
    high = __ldcg(reinterpret_cast<const float4*>(p) + 1);
  }
  __device__ void load_cached(const float* p) {
    low = __ldg(reinterpret_cast<const float4*>(p));
    high = __ldg(reinterpret_cast<const float4*>(p) + 1);
  }
  __device__ void get(float (&f)[8]) const {
    f[0] = low.x, f[1] = low.y, f[2] = low.z, f[3] = low.w;
    f[4] = high.x, f[5] = high.y, f[6] = high.z, f[7] = high.w;
  }
  static __device__ void store(float* p, const float (&f)[8]) {
    reinterpret_cast<float4*>(p)[0] = make_float4(f[0], f[1], f[2], f[3]);
    reinterpret_cast<float4*>(p)[1] = make_float4(f[4], f[5], f[6], f[7]);
  }
};

template <>
struct Eight<__nv_bfloat16> {
  using Storage = __nv_bfloat16;
  static constexpr int kPerElement = 1;
  uint4 pairs;

  __device__ void load(const Storage* p) { pairs = __ldcg(reinterpret_cast<const uint4*>(p)); }
  __device__ void load_cached(const Storage* p) { pairs = __ldg(reinterpret_cast<const uint4*>(p)); }
  __device__ void get(float (&f)[8]) const {
    const std::uint32_t pair[4] = {pairs.x, pairs.y, pairs.z, pairs.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {  // a bf16 is the upper half of a float
      f[2 * i] = __uint_as_float(pair[i] << 16);
      f[2 * i + 1] = __uint_as_float(pair[i] & 0xffff0000u);
    }
  }
  static __device__ void store(Storage* p, const float (&f)[8]) {
    std::uint32_t pair[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const __nv_bfloat162 two = __floats2bfloat162_rn(f[2 * i], f[2 * i + 1]);
      pair[i] = *reinterpret_cast<const std::uint32_t*>(&two);
    }
    *reinterpret_cast<uint4*>(p) = make_uint4(pair[0], pair[1], pair[2], pair[3]);
  }
};

template <>
struct Eight<Bits> {
  using Storage = std::uint8_t;
  static constexpr int kPerElement = 8;
  std::uint32_t bits;

  __device__ void load(const Storage* p) { bits = __ldcg(p); }
  __device__ void load_cached(const Storage* p) { bits = __ldg(p); }
  __device__ void get(float (&f)[8]) const {
#pragma unroll
    for (int i = 0; i < 8; ++i) f[i] = bits >> i & 1 ? 1.f : 0.f;
  }
};

/// Rows of activations or gradients in memory. 32-bit row and stride: an address is one multiply-add.
template <class X, class Storage = const typename Eight<X>::Storage>
struct Rows {
  Storage* data;
  std::uint32_t stride_bytes;

  __device__ Storage* address(std::int32_t row, std::uint32_t column) const {
    using Byte = std::conditional_t<std::is_const_v<Storage>, const char, char>;
    auto* lane = reinterpret_cast<Byte*>(data + column / Eight<X>::kPerElement);
    return reinterpret_cast<Storage*>(lane + static_cast<std::size_t>(static_cast<std::uint32_t>(row)) * stride_bytes);
  }
  __device__ Eight<X> at(std::int32_t row, std::uint32_t column) const {
    Eight<X> eight;
    eight.load(address(row, column));
    return eight;
  }
  __device__ Eight<X> at_cached(std::int32_t row, std::uint32_t column) const {
    Eight<X> eight;
    eight.load_cached(address(row, column));
    return eight;
  }
};
/// Rows that a kernel writes.
template <class X>
struct RowsOut : Rows<X, typename Eight<X>::Storage> {
  __device__ void put(std::int32_t row, std::uint32_t column, const float (&f)[8]) const {
    Eight<X>::store(this->address(row, column), f);
  }
};

template <int kValue>
using Int = std::integral_constant<int, kValue>;

/// Runs of gates have constant lengths, so that loops over them are straight lines whose loads are on their way together.
/// A run of a walk: f(Int<its length>).
template <class F>
__device__ void with_run(int count, F f) {
  if (count == kRunGates) f(Int<kRunGates>{});
  else f(Int<1>{});
}
/// Gates first … end - 1, of which kMost are a run: f(first, Int<kMost>), and where there are fewer, f(gate, Int<1>) of each.
template <int kMost, class F>
__device__ void each_run(int first, int end, F f) {
  if (first + kMost <= end) return f(first, Int<kMost>{});
  for (; first < end; ++first) f(first, Int<1>{});
}

/// y = c0 + ca*a + cb*b + cab*a*b
__device__ inline float mix(const float4& c, float a, float b) { return fmaf(fmaf(c.w, a, c.z), b, fmaf(c.y, a, c.x)); }

/// The operands of a first layer's gate: the lane's eight bits of both.
struct PairBits {
  std::uint32_t a, b;
  __device__ void load(const Rows<Bits>& x, const Pair& pair, std::uint32_t column) {
    a = x.at_cached(pair.a, column).bits;
    b = x.at_cached(pair.b, column).bits;
  }
};

/// mix() of eight bits a and b: one of four values each.
__device__ inline void mix_bits(const float4& c, const PairBits& bits, float (&y)[8]) {
  const float y00 = c.x, y01 = c.x + c.z, y10 = c.x + c.y, y11 = y10 + c.z + c.w;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const bool set = bits.b >> i & 1;
    const float without_a = set ? y01 : y00, with_a = set ? y11 : y10;
    y[i] = bits.a >> i & 1 ? with_a : without_a;
  }
}

/// The lanes that share a row, as a mask of their warp.
template <int kLanes>
__device__ inline std::uint32_t group_mask() {
  if constexpr (kLanes == 32) return ~0u;
  else return ((1u << kLanes) - 1) << (threadIdx.x % 32 / kLanes * kLanes);
}

/// Two values a lane become one: lanes that differ in the bit `step` add `low` up in the one without it, `high` in the other.
__device__ inline float halve(float low, float high, int step, int lane, std::uint32_t mask) {
  const bool upper = lane & step;
  return (upper ? high : low) + __shfl_xor_sync(mask, upper ? low : high, step);
}

/// The four sums of one gate: of g * (1, a, b, ab) over a lane's samples, then over the group.
struct FourSums {
  float g = 0, ga = 0, gb = 0, gab = 0;
  __device__ void add(float dy, float a, float b) {
    const float dya = dy * a;
    g += dy;
    ga += dya;
    gb = fmaf(dy, b, gb);
    gab = fmaf(dya, b, gab);
  }
  /// of eight samples at once
  __device__ void add_bits(const float (&dy)[8], const PairBits& bits) {
    const std::uint32_t both = bits.a & bits.b;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      g += dy[i];
      if (bits.a >> i & 1) ga += dy[i];
      if (bits.b >> i & 1) gb += dy[i];
      if (both >> i & 1) gab += dy[i];
    }
  }
  /// Lane l gets a part of the sum of value l / (kLanes / 4); the kLanes / 4 lanes of a value add up to it.
  template <int kLanes>
  __device__ float spread(int lane) const {
    const std::uint32_t mask = group_mask<kLanes>();
    return halve(halve(g, gb, kLanes / 2, lane, mask), halve(ga, gab, kLanes / 2, lane, mask), kLanes / 4, lane, mask);
  }
};

/// Where sums go: [column group][gates of the network][4]. `add`: onto what earlier tiles of the batch left there.
struct SumsOut {
  float* S;
  std::size_t group_stride;  ///< floats between column groups
  bool add;
  double* nonfinite;  ///< becomes 1 where a sum is not finite

  __device__ void put(std::int32_t gate, int value, float sum) const {
    float* to = S + blockIdx.y * group_stride + 4 * static_cast<std::size_t>(gate) + value;
    const float total = add ? *to + sum : sum;
    *to = total;
    if (!isfinite(total)) *nonfinite = 1;  // every writer writes the same
  }
};

/// The sums of kGates gates first, first + 1, … one after the other. Instead of all lanes adding up each gate's, two gates'
/// sums share lanes, then four's, …, so that kLanes / 4 gates cost one shuffle a level of that tree, and one store.
template <int kLanes, int kGates>
class RunSums {
 public:
  __device__ RunSums(const SumsOut& out, std::int32_t first, int lane) : out_(out), first_(first), lane_(lane) {}

  /// Gate first + u; u = 0, 1, …, constants of an unrolled loop.
  __device__ __forceinline__ void put(int u, const FourSums& four) {
    float sum = four.spread<kLanes>(lane_);
#pragma unroll
    for (int level = 0; 1 << level < kTogether; ++level) {
      const int step = 1 << level;
      if ((u & step) == 0) {
        waiting_[level] = sum;
        return;
      }
      sum = halve(waiting_[level], sum, step, lane_, group_mask<kLanes>());
    }
#pragma unroll
    for (int step = kTogether; step < kEach; step *= 2) sum += __shfl_xor_sync(group_mask<kLanes>(), sum, step);
    if (lane_ % kEach < kTogether) out_.put(first_ + u - (kTogether - 1) + lane_ % kEach, lane_ / kEach, sum);
  }

 private:
  static constexpr int kEach = kLanes / 4;                           // lanes a value of a gate
  static constexpr int kTogether = kGates < kEach ? kGates : kEach;  // gates that share lanes
  static_assert(kGates % kTogether == 0);
  const SumsOut& out_;
  std::int32_t first_;
  int lane_;
  float waiting_[3];
};

/// The lane's place: which group of lanes of the grid, which lane of it, its first sample.
template <int kLanes>
struct Place {
  std::int32_t group = static_cast<std::int32_t>((blockIdx.x * kBlock + threadIdx.x) / kLanes);
  int lane = threadIdx.x % kLanes;
  std::uint32_t column = blockIdx.y * (kLaneSamples * kLanes) + lane * kLaneSamples;
};

}  // namespace dltonic::logic::gpu
