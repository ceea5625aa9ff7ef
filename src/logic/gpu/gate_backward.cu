// Backward of gate layers on a GPU: dx and the four sums S[n] = sum over samples of dy * (1, a, b, ab) in one pass.
//   dL/da = dy * (ca + cab*b),  dL/db = dy * (cb + cab*a)
// Lanes along the samples (rows.cuh). Every gate's sums are written by one group of lanes, every row of dx by one: no
// atomics, and a fixed order.
#include "device/check.h"
#include "logic/gpu/dispatch.h"
#include "logic/gpu/segment.cuh"

namespace dltonic::logic::gpu {
namespace {

/// Rows of dy: a gate's own, or in the last layer that of its class in the head's table, which stays in L1.
template <class G>
struct Gradient {
  Rows<G> rows;
  const std::uint16_t* class_of;
  __device__ Eight<G> at(std::int32_t gate, std::uint32_t column) const {
    if (class_of != nullptr) return rows.at_cached(__ldg(class_of + gate), column);
    return rows.at(gate, column);
  }
};

/// Coefficients of an input's gradient, times grad_factor.
struct Slopes {
  float a, b, ab;
  __device__ Slopes(const float4& c, float factor) : a(c.y * factor), b(c.z * factor), ab(c.w * factor) {}
  __device__ float of_a(float other) const { return fmaf(ab, other, a); }
  __device__ float of_b(float other) const { return fmaf(ab, other, b); }
};

constexpr int kAtOnce = 4;  ///< gates whose rows are loaded before the first is used

/// Along a walk: input in[u] is operand A of gate first + u and operand B of the one before, whose share is carried on.
/// Launch: a group of lanes a segment.
template <class X, class G, int kLanes>
__global__ __launch_bounds__(kBlock) void walk(Rows<X> x, Gradient<G> dy, const Segment* __restrict__ segments,
                                               int segment_count, const float4* __restrict__ c, float grad_factor, SumsOut sums,
                                               typename Eight<G>::Storage* __restrict__ dx) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const Segment s = load_segment(segments + place.group);
  Eight<X> ahead[kAtOnce];
  Eight<G> gradient[kAtOnce];
  const Eight<X> before_row = x.at(s.before_input, place.column), first_row = x.at(s.in[0], place.column);
  const Eight<G> before_gradient = dy.at(s.before, place.column);
  float a[8], b[8], g[8], share[8];  // share: of the gate in front of us in the gradient of our operand A
#pragma unroll
  for (int start = 0; start < kRunGates; start += kAtOnce) {
    if (start >= s.count) break;
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      ahead[u] = x.at(s.in[start + u + 1], place.column);
      gradient[u] = dy.at(s.first + min(start + u, s.count - 1), place.column);
    }
    if (start == 0) {
      const Slopes slopes(__ldg(c + s.before), grad_factor);
      before_row.get(b);
      before_gradient.get(g);
#pragma unroll
      for (int i = 0; i < 8; ++i) share[i] = g[i] * slopes.of_b(b[i]);
      first_row.get(a);
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      if (start + u >= s.count) break;
      const std::int32_t gate = s.first + start + u;
      const Slopes slopes(__ldg(c + gate), grad_factor);
      ahead[u].get(b);
      gradient[u].get(g);
      FourSums four;
      float out[8];
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        out[i] = fmaf(g[i], slopes.of_a(b[i]), share[i]);
        share[i] = g[i] * slopes.of_b(a[i]);
        four.add(g[i], a[i], b[i]);
        a[i] = b[i];
      }
      Eight<G>::store(dx + s.in[start + u] * dy.rows.stride + place.column, out);
      sums.write<kLanes>(four, gate, place.lane);
    }
  }
}

/// Any wiring, input by input over its consumers: where the input is operand A, a, b and dy of the gate are at hand, so its
/// sums cost no traffic.   Launch: a group of lanes an input.
template <class X, class G, int kLanes>
__global__ __launch_bounds__(kBlock) void general(Rows<X> x, Gradient<G> dy, const std::int32_t* __restrict__ begin,
                                                  const Consumer* __restrict__ consumers, int inputs,
                                                  const float4* __restrict__ c, float grad_factor, SumsOut sums,
                                                  typename Eight<G>::Storage* __restrict__ dx) {
  constexpr int kTogether = 2;  // the fan-out of a square layer
  const Place<kLanes> place;
  const std::int32_t m = place.group;
  if (m >= inputs) return;
  const std::int32_t first = __ldg(begin + m), end = __ldg(begin + m + 1);
  float out[8] = {};
  float own[8];
  x.at(m, place.column).get(own);
  for (std::int32_t e = first; e < end; e += kTogether) {
    Consumer consumer[kTogether];
    Eight<X> other_row[kTogether];
    Eight<G> gradient[kTogether];
#pragma unroll
    for (int u = 0; u < kTogether; ++u) {
      consumer[u] = load_consumer(consumers + min(e + u, end - 1));
      other_row[u] = x.at(consumer[u].other < 0 ? ~consumer[u].other : consumer[u].other, place.column);
      gradient[u] = dy.at(consumer[u].gate, place.column);
    }
#pragma unroll
    for (int u = 0; u < kTogether; ++u) {
      if (e + u >= end) break;
      const bool is_b = consumer[u].other < 0;
      const Slopes slopes(__ldg(c + consumer[u].gate), grad_factor);
      float other[8], g[8];
      other_row[u].get(other);
      gradient[u].get(g);
      const float slope = is_b ? slopes.b : slopes.a;
#pragma unroll
      for (int i = 0; i < 8; ++i) out[i] = fmaf(g[i], fmaf(slopes.ab, other[i], slope), out[i]);
      if (is_b) continue;
      FourSums four;
#pragma unroll
      for (int i = 0; i < 8; ++i) four.add(g[i], own[i], other[i]);
      sums.write<kLanes>(four, consumer[u].gate, place.lane);
    }
  }
  Eight<G>::store(dx + m * dy.rows.stride + place.column, out);
}

/// Sums of a first layer from the input's bits.   Launch: a group of lanes kGates gates.
template <class G, int kLanes>
__global__ __launch_bounds__(kBlock) void input(Rows<Bits> x, Gradient<G> dy, const Pair* __restrict__ pairs, int gates,
                                                SumsOut sums) {
  constexpr int kGates = 8;
  const Place<kLanes> place;
  const int first = place.group * kGates;
  if (first >= gates) return;
  std::uint32_t a[kGates], b[kGates];
  Eight<G> gradient[kGates];
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    const int gate = min(first + u, gates - 1);
    const Pair pair = load_pair(pairs + gate);
    a[u] = x.at_cached(pair.a, place.column).bits;
    b[u] = x.at_cached(pair.b, place.column).bits;
    gradient[u] = dy.at(gate, place.column);
  }
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    if (first + u >= gates) break;
    float g[8];
    gradient[u].get(g);
    FourSums four;
#pragma unroll
    for (int i = 0; i < 8; ++i) four.add_bits(g[i], a[u] >> i & 1, b[u] >> i & 1);
    sums.write<kLanes>(four, first + u, place.lane);
  }
}

/// walk() of the second layer, whose inputs are made again from the bits, on top of input() of the first, whose gradients
/// are what walk() would store.   Launch: a group of lanes a segment of the second layer.
template <class G, int kLanes>
__global__ __launch_bounds__(kBlock, 3) void fused(Rows<Bits> x, Gradient<G> dy, const Pair* __restrict__ first_pairs,
                                                   const float4* __restrict__ first_c, const Segment* __restrict__ segments,
                                                   int segment_count, const float4* __restrict__ c, float grad_factor,
                                                   SumsOut first_sums, SumsOut sums) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const Segment s = load_segment(segments + place.group);
  std::uint32_t bits_a, bits_b;  // of the first layer's gate in[u]
  const auto load_bits = [&](std::int32_t gate, std::uint32_t& bit_a, std::uint32_t& bit_b) {
    const Pair pair = load_pair(first_pairs + gate);
    bit_a = x.at_cached(pair.a, place.column).bits;
    bit_b = x.at_cached(pair.b, place.column).bits;
  };
  std::uint32_t before_a, before_b;
  load_bits(s.before_input, before_a, before_b);
  load_bits(s.in[0], bits_a, bits_b);
  const Eight<G> before_gradient = dy.at(s.before, place.column);
  float a[8], b[8], g[8], share[8];
#pragma unroll
  for (int start = 0; start < kRunGates; start += kAtOnce) {
    if (start >= s.count) break;
    std::uint32_t ahead_a[kAtOnce], ahead_b[kAtOnce];
    Eight<G> gradient[kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      load_bits(s.in[start + u + 1], ahead_a[u], ahead_b[u]);
      gradient[u] = dy.at(s.first + min(start + u, s.count - 1), place.column);
    }
    if (start == 0) {
      const Slopes slopes(__ldg(c + s.before), grad_factor);
      mix_bits(__ldg(first_c + s.before_input), before_a, before_b, b);
      before_gradient.get(g);
#pragma unroll
      for (int i = 0; i < 8; ++i) share[i] = g[i] * slopes.of_b(b[i]);
      mix_bits(__ldg(first_c + s.in[0]), bits_a, bits_b, a);
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      if (start + u >= s.count) break;
      const std::int32_t gate = s.first + start + u, first_gate = s.in[start + u];
      const Slopes slopes(__ldg(c + gate), grad_factor);
      mix_bits(__ldg(first_c + s.in[start + u + 1]), ahead_a[u], ahead_b[u], b);
      gradient[u].get(g);
      FourSums four, first_four;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        first_four.add_bits(fmaf(g[i], slopes.of_a(b[i]), share[i]), bits_a >> i & 1, bits_b >> i & 1);
        share[i] = g[i] * slopes.of_b(a[i]);
        four.add(g[i], a[i], b[i]);
        a[i] = b[i];
      }
      sums.write<kLanes>(four, gate, place.lane);
      first_sums.write<kLanes>(first_four, first_gate, place.lane);
      bits_a = ahead_a[u];
      bits_b = ahead_b[u];
    }
  }
}

template <class G>
Gradient<G> gradient_of(OutputGradient dy, Tile tile) {
  return {rows_of<G>(dy.rows, tile), dy.class_of};
}
SumsOut out_of(const Sums& sums) { return {sums.S, sums.group_stride, sums.add, sums.nonfinite}; }

}  // namespace

using device::check_launch;

void backward_walk(Activations kind, const void* x, OutputGradient dy, const LayerOnDevice& layer, const float* c,
                   float grad_factor, Tile tile, Sums sums, void* dx, StreamHandle stream) {
  with_types(kind, [&]<class X, class G>(Type<X>, Type<G>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      walk<X, G, lanes><<<grid_of(layer.segment_count, lanes, tile), kBlock, 0, stream>>>(
          rows_of<X>(x, tile), gradient_of<G>(dy, tile), layer.segments, layer.segment_count, quads(c), grad_factor,
          out_of(sums), static_cast<G*>(dx));
    });
  });
  check_launch("backward of a gate layer (walk)");
}

void backward_general(Activations kind, const void* x, OutputGradient dy, const LayerOnDevice& layer, const float* c,
                      float grad_factor, Tile tile, Sums sums, void* dx, StreamHandle stream) {
  with_types(kind, [&]<class X, class G>(Type<X>, Type<G>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      general<X, G, lanes><<<grid_of(layer.inputs, lanes, tile), kBlock, 0, stream>>>(
          rows_of<X>(x, tile), gradient_of<G>(dy, tile), layer.consumers_begin, layer.consumers, static_cast<int>(layer.inputs),
          quads(c), grad_factor, out_of(sums), static_cast<G*>(dx));
    });
  });
  check_launch("backward of a gate layer (general)");
}

void backward_input(Activations kind, InputBits x, OutputGradient dy, const LayerOnDevice& layer, Tile tile, Sums sums,
                    StreamHandle stream) {
  with_reals(kind, [&]<class G>(Type<G>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      input<G, lanes><<<grid_of((layer.gates + 7) / 8, lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), gradient_of<G>(dy, tile), layer.pairs, static_cast<int>(layer.gates), out_of(sums));
    });
  });
  check_launch("backward of the first gate layer");
}

void backward_fused(Activations kind, InputBits x, OutputGradient dy, const LayerOnDevice& first, const float* first_c,
                    const LayerOnDevice& second, const float* second_c, float grad_factor, Tile tile, Sums first_sums,
                    Sums second_sums, StreamHandle stream) {
  with_reals(kind, [&]<class G>(Type<G>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      fused<G, lanes><<<grid_of(second.segment_count, lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), gradient_of<G>(dy, tile), first.pairs, quads(first_c), second.segments, second.segment_count,
          quads(second_c), grad_factor, out_of(first_sums), out_of(second_sums));
    });
  });
  check_launch("backward of the first two gate layers");
}

}  // namespace dltonic::logic::gpu
