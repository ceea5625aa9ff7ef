// Backward of gate layers on a GPU: dx and the four sums S[n] = sum over samples of dy * (1, a, b, ab) in one pass.
//   dL/da = dy * (ca + cab*b),  dL/db = dy * (cb + cab*a)
// Lanes along the samples (rows.cuh). Every gate's sums are written by one group of lanes, every row of dx by one: no
// atomics, and a fixed order.
#include "device/check.h"
#include "logic/gpu/dispatch.h"
#include "logic/gpu/segment.cuh"

namespace dltonic::logic::gpu {
namespace {

/// Rows of dy: a gate's own, or in the last layer that of its class in the head's table. Read through L1, where the table
/// stays, and which keeps the rows that neighbours along a walk share.
template <class G>
struct Gradient {
  Rows<G> rows;
  const std::uint16_t* class_of;
  __device__ Eight<G> at(std::int32_t gate, std::uint32_t column) const {
    const std::int32_t row = class_of != nullptr ? __ldg(class_of + gate) : gate;
    return rows.at_cached(row, column);
  }
};

/// Coefficients of an input's gradient, times grad_factor.
struct Slopes {
  float a, b, ab;
  __device__ Slopes(const float4& c, float factor) : a(c.y * factor), b(c.z * factor), ab(c.w * factor) {}
  __device__ float of_a(float other) const { return fmaf(ab, other, a); }
  __device__ float of_b(float other) const { return fmaf(ab, other, b); }
};

/// Blocks that a multiprocessor is to hold, so that one's loads hide behind another's arithmetic. Rows of few samples come
/// with few blocks, which had better keep all in registers.
template <class G, int kLanes>
constexpr int kBlocks = sizeof(G) == 2 && kLanes == 32 ? 3 : 2;
constexpr int kMostAtOnce = 4;  ///< gates whose rows are loaded before the first is used

/// What flows along a run of gates: gate u reads inputs u and u + 1, so input u gets its gradient from gate u as operand A
/// and from the gate in front as operand B, whose share is carried on.
struct Carry {
  float a[8];      ///< of the next gate
  float share[8];  ///< of the gate in front, in the gradient of a

  /// Of the gate in front of the run, whose operand A is `before`.
  __device__ void start(const Slopes& slopes, const float (&before)[8], const float (&g)[8]) {
#pragma unroll
    for (int i = 0; i < 8; ++i) share[i] = g[i] * slopes.of_b(before[i]);
  }
  /// Past a gate with operand B `b` and gradient `g`: da is the gradient of its operand A.
  __device__ void pass(const Slopes& slopes, const float (&b)[8], const float (&g)[8], float (&da)[8], FourSums& four) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      da[i] = fmaf(g[i], slopes.of_a(b[i]), share[i]);
      share[i] = g[i] * slopes.of_b(a[i]);
      four.add(g[i], a[i], b[i]);
      a[i] = b[i];
    }
  }
};

/// Along a walk.   Launch: a group of lanes a segment.
template <class X, class G, int kLanes>
__global__ __launch_bounds__(kBlock, kBlocks<G, kLanes>) void walk(Rows<X> x, Gradient<G> dy,
                                                                   const Segment* __restrict__ segments, int segment_count,
                                                                   const float4* __restrict__ c, float grad_factor, SumsOut out,
                                                                   RowsOut<G> dx) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const Segment s = load_record(segments + place.group);
  with_run(s.count, [&]<int kRun>(Int<kRun>) {
    constexpr int kAtOnce = kRun < kMostAtOnce ? kRun : kMostAtOnce;
    RunSums<kLanes, kRun> sums(out, s.first, place.lane);
    const Eight<X> before_row = x.at(s.before_input, place.column), first_row = x.at(s.in[0], place.column);
    const Eight<G> before_gradient = dy.at(s.before, place.column);
    const float4 before_c = __ldg(c + s.before);
    Carry carry;
    float b[8], g[8];
#pragma unroll
    for (int start = 0; start < kRun; start += kAtOnce) {
      Eight<X> ahead[kAtOnce];
      Eight<G> gradient[kAtOnce];
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        const std::int32_t gate = s.first + start + u;
        ahead[u] = x.at(s.in[start + u + 1], place.column);
        gradient[u] = dy.at(gate, place.column);
      }
      if (start == 0) {
        before_row.get(b);
        before_gradient.get(g);
        carry.start(Slopes(before_c, grad_factor), b, g);
        first_row.get(carry.a);
      }
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        ahead[u].get(b);
        gradient[u].get(g);
        FourSums four;
        float da[8];
        carry.pass(Slopes(__ldg(c + s.first + start + u), grad_factor), b, g, da, four);
        dx.put(s.in[start + u], place.column, da);
        sums.put(start + u, four);
      }
    }
  });
}

/// One consumer of an input: its rows, then what it adds to the input's gradient. Where the input is operand A, a, b and dy
/// of the gate are at hand, so its sums cost no traffic.
template <class X, class G>
struct Visit {
  Consumer consumer;
  Eight<X> other;
  Eight<G> gradient;
  float4 c;

  __device__ void load(const Consumer& which, const Rows<X>& x, const Gradient<G>& dy, const float4* __restrict__ all_c,
                       std::uint32_t column) {
    consumer = which;
    const std::int32_t gate = max(which.gate, 0);
    other = x.at(which.other < 0 ? ~which.other : which.other, column);
    gradient = dy.at(gate, column);
    c = __ldg(all_c + gate);
  }
  template <int kLanes>
  __device__ void add(const float (&own)[8], float grad_factor, const SumsOut& out, int lane, float (&dx)[8]) const {
    if (consumer.gate < 0) return;
    const bool is_b = consumer.other < 0;
    const Slopes slopes(c, grad_factor);
    const float slope = is_b ? slopes.b : slopes.a;
    float b[8], g[8];
    other.get(b);
    gradient.get(g);
#pragma unroll
    for (int i = 0; i < 8; ++i) dx[i] = fmaf(g[i], fmaf(slopes.ab, b[i], slope), dx[i]);
    if (is_b) return;
    FourSums four;
#pragma unroll
    for (int i = 0; i < 8; ++i) four.add(g[i], own[i], b[i]);
    RunSums<kLanes, 1>(out, consumer.gate, lane).put(0, four);
  }
};

/// Any wiring, input by input over its consumers.   Launch: a group of lanes an input.
template <class X, class G, int kLanes>
__global__ __launch_bounds__(kBlock) void general(Rows<X> x, Gradient<G> dy, const TwoConsumers* __restrict__ consumers,
                                                  const std::int32_t* __restrict__ more_begin,
                                                  const Consumer* __restrict__ more, int inputs, const float4* __restrict__ c,
                                                  float grad_factor, SumsOut out, RowsOut<G> dx) {
  const Place<kLanes> place;
  const std::int32_t m = place.group;
  if (m >= inputs) return;
  const TwoConsumers first = load_record(consumers + m);
  const Eight<X> own_row = x.at(m, place.column);
  Visit<X, G> visit[2];
#pragma unroll
  for (int v = 0; v < 2; ++v) visit[v].load(first.two[v], x, dy, c, place.column);
  float own[8], sum[8] = {};
  own_row.get(own);
#pragma unroll
  for (int v = 0; v < 2; ++v) visit[v].template add<kLanes>(own, grad_factor, out, place.lane, sum);
  if (more_begin != nullptr) {
    const std::int32_t end = __ldg(more_begin + m + 1);
    for (std::int32_t e = __ldg(more_begin + m); e < end; ++e) {
      visit[0].load(load_consumer(more + e), x, dy, c, place.column);
      visit[0].template add<kLanes>(own, grad_factor, out, place.lane, sum);
    }
  }
  dx.put(m, place.column, sum);
}

/// Sums of a first layer from the input's bits.   Launch: a group of lanes kInputGates gates.
constexpr int kInputGates = 8;
template <class G, int kLanes>
__global__ __launch_bounds__(kBlock) void input(Rows<Bits> x, Gradient<G> dy, const Pair* __restrict__ pairs, int gates,
                                                SumsOut out) {
  const Place<kLanes> place;
  each_run<kInputGates>(place.group * kInputGates, gates, [&]<int kRun>(int first, Int<kRun>) {
    RunSums<kLanes, kRun> sums(out, first, place.lane);
    PairBits bits[kRun];
    Eight<G> gradient[kRun];
#pragma unroll
    for (int u = 0; u < kRun; ++u) {
      const int gate = first + u;
      bits[u].load(x, load_pair(pairs + gate), place.column);
      gradient[u] = dy.at(gate, place.column);
    }
#pragma unroll
    for (int u = 0; u < kRun; ++u) {
      float g[8];
      gradient[u].get(g);
      FourSums four;
      four.add_bits(g, bits[u]);
      sums.put(u, four);
    }
  });
}

/// walk() of the second layer, whose inputs are made again from the bits, on top of input() of the first, whose gradients
/// are what walk() would store.   Launch: a group of lanes a segment of the second layer.
template <class G, int kLanes>
__global__ __launch_bounds__(kBlock, kBlocks<G, kLanes>) void fused(Rows<Bits> x, Rows<G> dy,
                                                                    const float4* __restrict__ first_c,
                                                                    const FusedSegment* __restrict__ segments,
                                                                    int segment_count, const float4* __restrict__ c,
                                                                    float grad_factor, SumsOut first_out, SumsOut out) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const FusedSegment* const segment = segments + place.group;
  const FusedSegment::Header s = load_record(&segment->header);
  with_run(s.count, [&]<int kRun>(Int<kRun>) {
    constexpr int kAtOnce = kRun < kMostAtOnce ? kRun : kMostAtOnce;
    RunSums<kLanes, kRun> sums(out, s.first, place.lane), first_sums(first_out, s.first, place.lane);
    PairBits before, bits;  // bits: of the first layer's gate first + u
    before.load(x, load_pair(&segment->before_pair), place.column);
    bits.load(x, load_pair(segment->pairs), place.column);
    const Eight<G> before_gradient = dy.at(s.before, place.column);
    Carry carry;
    float b[8], g[8];
#pragma unroll
    for (int start = 0; start < kRun; start += kAtOnce) {
      PairBits ahead[kAtOnce];
      Eight<G> gradient[kAtOnce];
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        ahead[u].load(x, load_pair(segment->pairs + start + u + 1), place.column);
        gradient[u] = dy.at(s.first + start + u, place.column);
      }
      if (start == 0) {
        mix_bits(__ldg(first_c + s.before), before, b);
        before_gradient.get(g);
        carry.start(Slopes(__ldg(c + s.before), grad_factor), b, g);
        mix_bits(__ldg(first_c + s.first), bits, carry.a);
      }
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        mix_bits(__ldg(first_c + (start + u + 1 < kRun ? s.first + start + u + 1 : s.after)), ahead[u], b);
        gradient[u].get(g);
        FourSums four, first_four;
        float da[8];
        carry.pass(Slopes(__ldg(c + s.first + start + u), grad_factor), b, g, da, four);
        first_four.add_bits(da, bits);
        sums.put(start + u, four);
        first_sums.put(start + u, first_four);
        bits = ahead[u];
      }
    }
  });
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
          out_of(sums), rows_out<G>(dx, tile));
    });
  });
  check_launch("backward of a gate layer (walk)");
}

void backward_general(Activations kind, const void* x, OutputGradient dy, const LayerOnDevice& layer, const float* c,
                      float grad_factor, Tile tile, Sums sums, void* dx, StreamHandle stream) {
  with_types(kind, [&]<class X, class G>(Type<X>, Type<G>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      general<X, G, lanes><<<grid_of(layer.inputs, lanes, tile), kBlock, 0, stream>>>(
          rows_of<X>(x, tile), gradient_of<G>(dy, tile), layer.consumers, layer.more_begin, layer.more,
          static_cast<int>(layer.inputs), quads(c), grad_factor, out_of(sums), rows_out<G>(dx, tile));
    });
  });
  check_launch("backward of a gate layer (general)");
}

void backward_input(Activations kind, InputBits x, OutputGradient dy, const LayerOnDevice& layer, Tile tile, Sums sums,
                    StreamHandle stream) {
  with_reals(kind, [&]<class G>(Type<G>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      input<G, lanes><<<grid_of(pieces(layer.gates, kInputGates), lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), gradient_of<G>(dy, tile), layer.pairs, static_cast<int>(layer.gates), out_of(sums));
    });
  });
  check_launch("backward of the first gate layer");
}

void backward_fused(Activations kind, InputBits x, OutputGradient dy, const float* first_c, const LayerOnDevice& second,
                    const float* second_c, float grad_factor, Tile tile, Sums first_sums, Sums second_sums,
                    StreamHandle stream) {
  with_reals(kind, [&]<class G>(Type<G>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      fused<G, lanes><<<grid_of(second.segment_count, lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), rows_of<G>(dy.rows, tile), quads(first_c), second.fused, second.segment_count, quads(second_c),
          grad_factor, out_of(first_sums), out_of(second_sums));
    });
  });
  check_launch("backward of the first two gate layers");
}

}  // namespace dltonic::logic::gpu
