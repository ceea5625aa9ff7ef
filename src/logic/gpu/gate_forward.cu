// Forward of gate layers on a GPU. Every kernel: lanes along the samples (rows.cuh), a group of lanes a run of gates.
#include "device/check.h"
#include "logic/gpu/dispatch.h"
#include "logic/gpu/segment.cuh"

namespace dltonic::logic::gpu {

using device::check_launch;

namespace {

/// Along a run of gates: gate u reads rows u and u + 1, and a row is unpacked once. row(u, f) fills f with row u's samples.
template <int kRun, class Y, class Row>
__device__ void mix_run(const float4* __restrict__ c, std::int32_t first, Row row, const RowsOut<Y>& y, std::uint32_t column) {
  float a[8], b[8], out[8];
  row(0, a);
#pragma unroll
  for (int u = 0; u < kRun; ++u) {
    const float4 k = __ldg(c + first + u);
    row(u + 1, b);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      out[i] = mix(k, a[i], b[i]);
      a[i] = b[i];
    }
    y.put(first + u, column, out);
  }
}

/// y[first + u] = mix(c[first + u], x[in[u]], x[in[u + 1]]): nine rows in, eight out.
/// Launch: a group of lanes a segment.
template <class X, int kLanes>
__global__ __launch_bounds__(kBlock) void walk(Rows<X> x, const Segment* __restrict__ segments, int segment_count,
                                               const float4* __restrict__ c, RowsOut<X> y) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const Segment s = load_record(segments + place.group);
  with_run(s.count, [&]<int kRun>(Int<kRun>) {
    Eight<X> rows[kRun + 1];
#pragma unroll
    for (int u = 0; u <= kRun; ++u) rows[u] = x.at(s.in[u], place.column);
    mix_run<kRun>(
        c, s.first, [&](int u, float(&f)[8]) { rows[u].get(f); }, y, place.column);
  });
}

/// y[n] = mix(c[n], x[a], x[b]).   Launch: a group of lanes kGatherGates gates.
constexpr int kGatherGates = 4;
template <class X, int kLanes>
__global__ __launch_bounds__(kBlock) void gather(Rows<X> x, const Pair* __restrict__ pairs, int gates,
                                                 const float4* __restrict__ c, RowsOut<X> y) {
  const Place<kLanes> place;
  each_run<kGatherGates>(place.group * kGatherGates, gates, [&]<int kRun>(int first, Int<kRun>) {
    Eight<X> a[kRun], b[kRun];
#pragma unroll
    for (int u = 0; u < kRun; ++u) {
      const Pair pair = load_pair(pairs + first + u);
      a[u] = x.at(pair.a, place.column);
      b[u] = x.at(pair.b, place.column);
    }
#pragma unroll
    for (int u = 0; u < kRun; ++u) {
      const float4 k = __ldg(c + first + u);
      float fa[8], fb[8], out[8];
      a[u].get(fa);
      b[u].get(fb);
#pragma unroll
      for (int i = 0; i < 8; ++i) out[i] = mix(k, fa[i], fb[i]);
      y.put(first + u, place.column, out);
    }
  });
}

/// y[n] = mix(c[n], bit a, bit b).   Launch: a group of lanes kInputGates gates.
constexpr int kInputGates = 8;
template <class Y, int kLanes>
__global__ __launch_bounds__(kBlock) void input(Rows<Bits> x, const Pair* __restrict__ pairs, int gates,
                                                const float4* __restrict__ c, RowsOut<Y> y) {
  const Place<kLanes> place;
  each_run<kInputGates>(place.group * kInputGates, gates, [&]<int kRun>(int first, Int<kRun>) {
    PairBits bits[kRun];
#pragma unroll
    for (int u = 0; u < kRun; ++u) bits[u].load(x, load_pair(pairs + first + u), place.column);
#pragma unroll
    for (int u = 0; u < kRun; ++u) {
      float out[8];
      mix_bits(__ldg(c + first + u), bits[u], out);
      y.put(first + u, place.column, out);
    }
  });
}

/// walk() on top of input(): the rows that walk() would read are made from the input's bits in registers.
/// Launch: a group of lanes a segment of the second layer.
template <class Y, int kLanes>
__global__ __launch_bounds__(kBlock) void fused(Rows<Bits> x, const float4* __restrict__ first_c,
                                                const FusedSegment* __restrict__ segments, int segment_count,
                                                const float4* __restrict__ c, RowsOut<Y> y) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const FusedSegment* const segment = segments + place.group;
  const FusedSegment::Header s = load_record(&segment->header);
  with_run(s.count, [&]<int kRun>(Int<kRun>) {
    PairBits bits[kRun + 1];
#pragma unroll
    for (int u = 0; u <= kRun; ++u) bits[u].load(x, load_pair(segment->pairs + u), place.column);
    const auto row = [&](int u, float(&f)[8]) { mix_bits(__ldg(first_c + (u < kRun ? s.first + u : s.after)), bits[u], f); };
    mix_run<kRun>(c, s.first, row, y, place.column);
  });
}

constexpr int kScoreGates = 128;  ///< of one class, a block

/// parts[class * parts_a_class + part] = sum of y over a block's gates, all of one class.
/// Launch: blockIdx.x = class * parts_a_class + part; the groups of lanes share the block's gates out.
template <class X, int kLanes>
__global__ __launch_bounds__(kBlock) void scores(Rows<X> x, const ScoreGate* __restrict__ list, int gates_a_class,
                                                 int parts_a_class, const float4* __restrict__ c, float* __restrict__ parts,
                                                 int padded) {
  constexpr int kGroups = kBlock / kLanes, kColumns = kLaneSamples * kLanes;
  constexpr int kGates = kScoreGates / kGroups;
  __shared__ float sums[kGroups * kColumns];
  const int group = threadIdx.x / kLanes, lane = threadIdx.x % kLanes;
  const std::uint32_t column = blockIdx.y * kColumns + lane * kLaneSamples;
  const int klass = blockIdx.x / parts_a_class, part = blockIdx.x % parts_a_class;
  const int begin = part * kScoreGates + group * kGates, end = min(begin + kGates, gates_a_class);
  list += static_cast<std::size_t>(klass) * gates_a_class;
  float sum[8] = {};
  each_run<kGates>(begin, end, [&]<int kRun>(int first, Int<kRun>) {
    constexpr int kAtOnce = kRun < 4 ? kRun : 4;
#pragma unroll
    for (int n = 0; n < kRun; n += kAtOnce) {
      Eight<X> a[kAtOnce], b[kAtOnce];
      float4 k[kAtOnce];
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        const ScoreGate gate = load_record(list + first + n + u);
        a[u] = x.at(gate.a, column);
        b[u] = x.at(gate.b, column);
        k[u] = __ldg(c + gate.position);
      }
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        float fa[8], fb[8];
        a[u].get(fa);
        b[u].get(fb);
#pragma unroll
        for (int i = 0; i < 8; ++i) sum[i] += mix(k[u], fa[i], fb[i]);
      }
    }
  });
#pragma unroll
  for (int i = 0; i < 8; ++i) sums[group * kColumns + lane * kLaneSamples + i] = sum[i];
  __syncthreads();
  for (int s = threadIdx.x; s < kColumns; s += kBlock) {
    float total = 0;
#pragma unroll
    for (int g = 0; g < kGroups; ++g) total += sums[g * kColumns + s];
    parts[static_cast<std::size_t>(blockIdx.x) * padded + blockIdx.y * kColumns + s] = total;
  }
}

template <class X, int kLanes>
void launch_scores(Rows<X> x, const LayerOnDevice& layer, const float4* c, int classes, Tile tile, float* parts,
                   StreamHandle stream) {
  const int parts_a_class = score_parts(layer.gates, classes);
  scores<X, kLanes><<<dim3(classes * parts_a_class, tile.groups), kBlock, 0, stream>>>(
      x, layer.scores, static_cast<int>(layer.gates / classes), parts_a_class, c, parts, tile.padded());
  check_launch("scores of a gate layer");
}

}  // namespace

void forward_walk(Activations kind, const void* x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                  StreamHandle stream) {
  with_reals(kind, [&]<class X>(Type<X>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      walk<X, lanes><<<grid_of(layer.segment_count, lanes, tile), kBlock, 0, stream>>>(
          rows_of<X>(x, tile), layer.segments, layer.segment_count, quads(c), rows_out<X>(y, tile));
    });
  });
  check_launch("forward of a gate layer (walk)");
}

void forward_gather(Activations kind, const void* x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                    StreamHandle stream) {
  with_reals(kind, [&]<class X>(Type<X>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      gather<X, lanes><<<grid_of(pieces(layer.gates, kGatherGates), lanes, tile), kBlock, 0, stream>>>(
          rows_of<X>(x, tile), layer.pairs, static_cast<int>(layer.gates), quads(c), rows_out<X>(y, tile));
    });
  });
  check_launch("forward of a gate layer (gather)");
}

void forward_input(Activations kind, InputBits x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                   StreamHandle stream) {
  with_reals(kind, [&]<class Y>(Type<Y>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      input<Y, lanes><<<grid_of(pieces(layer.gates, kInputGates), lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), layer.pairs, static_cast<int>(layer.gates), quads(c), rows_out<Y>(y, tile));
    });
  });
  check_launch("forward of the first gate layer");
}

void forward_fused(Activations kind, InputBits x, const float* first_c, const LayerOnDevice& second, const float* second_c,
                   Tile tile, void* y, StreamHandle stream) {
  with_reals(kind, [&]<class Y>(Type<Y>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      fused<Y, lanes><<<grid_of(second.segment_count, lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), quads(first_c), second.fused, second.segment_count, quads(second_c), rows_out<Y>(y, tile));
    });
  });
  check_launch("forward of the first two gate layers");
}

int score_parts(std::int64_t gates, int classes) { return static_cast<int>(pieces(gates / classes, kScoreGates)); }

void forward_scores(Activations kind, const void* x, const LayerOnDevice& layer, const float* c, int classes, Tile tile,
                    float* parts, StreamHandle stream) {
  with_reals(kind, [&]<class X>(Type<X>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      launch_scores<X, lanes>(rows_of<X>(x, tile), layer, quads(c), classes, tile, parts, stream);
    });
  });
}
void forward_scores(InputBits x, const LayerOnDevice& layer, const float* c, int classes, Tile tile, float* parts,
                    StreamHandle stream) {
  with_lanes(tile.lanes,
             [&](auto lanes) { launch_scores<Bits, lanes>(rows_of(x), layer, quads(c), classes, tile, parts, stream); });
}

}  // namespace dltonic::logic::gpu
