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

/// Rows of activations that a kernel reads. stride: elements of storage between rows.
template <class X>
struct Rows {
  const typename Eight<X>::Storage* data;
  std::size_t stride;
  __device__ Eight<X> at(std::int32_t row, std::uint32_t column) const {
    Eight<X> eight;
    eight.load(data + row * stride + column / Eight<X>::kPerElement);
    return eight;
  }
  __device__ Eight<X> at_cached(std::int32_t row, std::uint32_t column) const {
    Eight<X> eight;
    eight.load_cached(data + row * stride + column / Eight<X>::kPerElement);
    return eight;
  }
};

/// y = c0 + ca*a + cb*b + cab*a*b
__device__ inline float mix(const float4& c, float a, float b) { return fmaf(fmaf(c.w, a, c.z), b, fmaf(c.y, a, c.x)); }

/// The same for eight bits a and b: one of four values each.
__device__ inline void mix_bits(const float4& c, std::uint32_t a, std::uint32_t b, float (&y)[8]) {
  const float y00 = c.x, y01 = c.x + c.z, y10 = c.x + c.y, y11 = y10 + c.z + c.w;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const bool set = b >> i & 1;
    const float without_a = set ? y01 : y00, with_a = set ? y11 : y10;
    y[i] = a >> i & 1 ? with_a : without_a;
  }
}

/// The lanes that share a row, as a mask of their warp.
template <int kLanes>
__device__ inline std::uint32_t group_mask() {
  if constexpr (kLanes == 32) return ~0u;
  else return ((1u << kLanes) - 1) << (threadIdx.x % 32 / kLanes * kLanes);
}

/// Sums of four values over the lanes of a group, in a fixed order: lanes kLanes/4 * t and up hold the sum of value t.
/// Two exchanges bring each lane down to one value of its own, so that the rest costs one shuffle a step, not four.
template <int kLanes>
__device__ inline float sum_four(float v0, float v1, float v2, float v3, int lane) {
  const std::uint32_t mask = group_mask<kLanes>();
  const bool upper = lane & (kLanes / 2);
  float keep0 = upper ? v2 : v0, keep1 = upper ? v3 : v1;
  keep0 += __shfl_xor_sync(mask, upper ? v0 : v2, kLanes / 2);
  keep1 += __shfl_xor_sync(mask, upper ? v1 : v3, kLanes / 2);
  const bool odd = lane & (kLanes / 4);
  float keep = odd ? keep1 : keep0;
  keep += __shfl_xor_sync(mask, odd ? keep0 : keep1, kLanes / 4);
#pragma unroll
  for (int step = kLanes / 8; step > 0; step /= 2) keep += __shfl_xor_sync(mask, keep, step);
  return keep;
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
  __device__ void add_bits(float dy, bool a, bool b) {
    g += dy;
    if (a) ga += dy;
    if (b) gb += dy;
    if (a && b) gab += dy;
  }
};

/// Where sums go: [column group][gates of the network][4]. `add`: onto what earlier tiles of the batch left there.
struct SumsOut {
  float* S;
  std::size_t group_stride;  ///< floats between column groups
  bool add;
  double* nonfinite;  ///< becomes 1 where a sum is not finite

  template <int kLanes>
  __device__ void write(const FourSums& four, std::int32_t gate, int lane) const {
    const float sum = sum_four<kLanes>(four.g, four.ga, four.gb, four.gab, lane);
    if (lane % (kLanes / 4) != 0) return;
    float* to = S + blockIdx.y * group_stride + 4 * static_cast<std::size_t>(gate) + lane / (kLanes / 4);
    const float total = add ? *to + sum : sum;
    *to = total;
    if (!isfinite(total)) *nonfinite = 1;  // every writer writes the same
  }
};

/// The lane's place: which group of lanes of the grid, which lane of it, its first sample.
template <int kLanes>
struct Place {
  std::int32_t group = static_cast<std::int32_t>((blockIdx.x * kBlock + threadIdx.x) / kLanes);
  int lane = threadIdx.x % kLanes;
  std::uint32_t column = blockIdx.y * (kLaneSamples * kLanes) + lane * kLaneSamples;
};

}  // namespace dltonic::logic::gpu
