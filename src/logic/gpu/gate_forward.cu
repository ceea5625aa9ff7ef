// Forward of gate layers on a GPU. Every kernel: lanes along the samples (rows.cuh), a group of lanes a run of gates.
#include "device/check.h"
#include "logic/gpu/dispatch.h"
#include "logic/gpu/segment.cuh"

namespace dltonic::logic::gpu {

using device::check_launch;

namespace {

/// y[first + u] = mix(c[first + u], x[in[u]], x[in[u + 1]]): nine rows in, eight out.
/// Launch: a group of lanes a segment.
template <class X, int kLanes>
__global__ __launch_bounds__(kBlock) void walk(Rows<X> x, const Segment* __restrict__ segments, int segment_count,
                                               const float4* __restrict__ c, typename Eight<X>::Storage* __restrict__ y) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const Segment s = load_segment(segments + place.group);
  Eight<X> row[kRunGates + 1];
#pragma unroll
  for (int u = 0; u <= kRunGates; ++u) row[u] = x.at(s.in[u], place.column);
  float a[8], b[8], out[8];
  row[0].get(a);
#pragma unroll
  for (int u = 0; u < kRunGates; ++u) {
    if (u >= s.count) break;
    const float4 k = __ldg(c + s.first + u);
    row[u + 1].get(b);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      out[i] = mix(k, a[i], b[i]);
      a[i] = b[i];
    }
    Eight<X>::store(y + (s.first + u) * x.stride + place.column, out);
  }
}

/// y[n] = mix(c[n], x[a], x[b]).   Launch: a group of lanes kGates gates.
template <class X, int kLanes>
__global__ __launch_bounds__(kBlock) void gather(Rows<X> x, const Pair* __restrict__ pairs, int gates,
                                                 const float4* __restrict__ c, typename Eight<X>::Storage* __restrict__ y) {
  constexpr int kGates = 4;
  const Place<kLanes> place;
  const int first = place.group * kGates;
  if (first >= gates) return;
  Eight<X> a[kGates], b[kGates];
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    const Pair pair = load_pair(pairs + min(first + u, gates - 1));
    a[u] = x.at(pair.a, place.column);
    b[u] = x.at(pair.b, place.column);
  }
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    if (first + u >= gates) break;
    const float4 k = __ldg(c + first + u);
    float fa[8], fb[8], out[8];
    a[u].get(fa);
    b[u].get(fb);
#pragma unroll
    for (int i = 0; i < 8; ++i) out[i] = mix(k, fa[i], fb[i]);
    Eight<X>::store(y + (first + u) * x.stride + place.column, out);
  }
}

/// y[n] = mix(c[n], bit a, bit b).   Launch: a group of lanes kGates gates.
template <class Y, int kLanes>
__global__ __launch_bounds__(kBlock) void input(Rows<Bits> x, const Pair* __restrict__ pairs, int gates,
                                                const float4* __restrict__ c, typename Eight<Y>::Storage* __restrict__ y,
                                                std::size_t stride) {
  constexpr int kGates = 8;
  const Place<kLanes> place;
  const int first = place.group * kGates;
  if (first >= gates) return;
  std::uint32_t a[kGates], b[kGates];
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    const Pair pair = load_pair(pairs + min(first + u, gates - 1));
    a[u] = x.at_cached(pair.a, place.column).bits;
    b[u] = x.at_cached(pair.b, place.column).bits;
  }
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    if (first + u >= gates) break;
    float out[8];
    mix_bits(__ldg(c + first + u), a[u], b[u], out);
    Eight<Y>::store(y + (first + u) * stride + place.column, out);
  }
}

/// walk() on top of input(): the rows that walk() would read are made from the input's bits in registers.
/// Launch: a group of lanes a segment of the second layer.
template <class Y, int kLanes>
__global__ __launch_bounds__(kBlock) void fused(Rows<Bits> x, const Pair* __restrict__ first_pairs,
                                                const float4* __restrict__ first_c, const Segment* __restrict__ segments,
                                                int segment_count, const float4* __restrict__ c,
                                                typename Eight<Y>::Storage* __restrict__ y, std::size_t stride) {
  const Place<kLanes> place;
  if (place.group >= segment_count) return;
  const Segment s = load_segment(segments + place.group);
  std::uint32_t bits_a[kRunGates + 1], bits_b[kRunGates + 1];
#pragma unroll
  for (int u = 0; u <= kRunGates; ++u) {
    const Pair pair = load_pair(first_pairs + s.in[u]);
    bits_a[u] = x.at_cached(pair.a, place.column).bits;
    bits_b[u] = x.at_cached(pair.b, place.column).bits;
  }
  float a[8], b[8], out[8];
  mix_bits(__ldg(first_c + s.in[0]), bits_a[0], bits_b[0], a);
#pragma unroll
  for (int u = 0; u < kRunGates; ++u) {
    if (u >= s.count) break;
    mix_bits(__ldg(first_c + s.in[u + 1]), bits_a[u + 1], bits_b[u + 1], b);
    const float4 k = __ldg(c + s.first + u);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      out[i] = mix(k, a[i], b[i]);
      a[i] = b[i];
    }
    Eight<Y>::store(y + (s.first + u) * stride + place.column, out);
  }
}

constexpr int kScoreGates = 16;  ///< of one class, a group of lanes

/// parts[class * parts_a_class + part] = sum of y over a block's gates, all of one class.
/// Launch: blockIdx.x = class * parts_a_class + part; a group of lanes kScoreGates gates.
template <class X, int kLanes>
__global__ __launch_bounds__(kBlock) void scores(Rows<X> x, const ScoreGate* __restrict__ list, int gates_a_class,
                                                 int parts_a_class, const float4* __restrict__ c, float* __restrict__ parts,
                                                 int padded) {
  constexpr int kGroups = kBlock / kLanes, kColumns = kLaneSamples * kLanes, kAtOnce = 4;
  __shared__ float sums[kGroups * kColumns];
  const int group = threadIdx.x / kLanes, lane = threadIdx.x % kLanes;
  const std::uint32_t column = blockIdx.y * kColumns + lane * kLaneSamples;
  const int klass = blockIdx.x / parts_a_class, part = blockIdx.x % parts_a_class;
  const int begin = (part * kGroups + group) * kScoreGates, end = min(begin + kScoreGates, gates_a_class);
  list += static_cast<std::size_t>(klass) * gates_a_class;
  float sum[8] = {};
  for (int n = begin; n < end; n += kAtOnce) {
    ScoreGate gate[kAtOnce];
    Eight<X> a[kAtOnce], b[kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      gate[u] = load_score_gate(list + min(n + u, end - 1));
      a[u] = x.at(gate[u].a, column);
      b[u] = x.at(gate[u].b, column);
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      if (n + u >= end) break;
      const float4 k = __ldg(c + gate[u].position);
      float fa[8], fb[8];
      a[u].get(fa);
      b[u].get(fb);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum[i] += mix(k, fa[i], fb[i]);
    }
  }
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
  const int parts_a_class = score_parts(layer.gates, classes, tile);
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
          rows_of<X>(x, tile), layer.segments, layer.segment_count, quads(c), static_cast<X*>(y));
    });
  });
  check_launch("forward of a gate layer (walk)");
}

void forward_gather(Activations kind, const void* x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                    StreamHandle stream) {
  with_reals(kind, [&]<class X>(Type<X>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      gather<X, lanes><<<grid_of((layer.gates + 3) / 4, lanes, tile), kBlock, 0, stream>>>(
          rows_of<X>(x, tile), layer.pairs, static_cast<int>(layer.gates), quads(c), static_cast<X*>(y));
    });
  });
  check_launch("forward of a gate layer (gather)");
}

void forward_input(Activations kind, InputBits x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                   StreamHandle stream) {
  with_reals(kind, [&]<class Y>(Type<Y>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      input<Y, lanes><<<grid_of((layer.gates + 7) / 8, lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), layer.pairs, static_cast<int>(layer.gates), quads(c), static_cast<Y*>(y),
          static_cast<std::size_t>(tile.padded()));
    });
  });
  check_launch("forward of the first gate layer");
}

void forward_fused(Activations kind, InputBits x, const LayerOnDevice& first, const float* first_c, const LayerOnDevice& second,
                   const float* second_c, Tile tile, void* y, StreamHandle stream) {
  with_reals(kind, [&]<class Y>(Type<Y>) {
    with_lanes(tile.lanes, [&](auto lanes) {
      fused<Y, lanes><<<grid_of(second.segment_count, lanes, tile), kBlock, 0, stream>>>(
          rows_of(x), first.pairs, quads(first_c), second.segments, second.segment_count, quads(second_c), static_cast<Y*>(y),
          static_cast<std::size_t>(tile.padded()));
    });
  });
  check_launch("forward of the first two gate layers");
}

int score_parts(std::int64_t gates, int classes, Tile tile) {
  const std::int64_t a_block = static_cast<std::int64_t>(kBlock / tile.lanes) * kScoreGates;
  return static_cast<int>((gates / classes + a_block - 1) / a_block);
}

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
