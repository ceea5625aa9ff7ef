// The Boolean circuit on a GPU: rows of packed bits, 32 samples a word, one or four words a thread.
// A gate of two bits is y = m0 ^ (ma & a) ^ ((mb ^ (mab & a)) & b), its four masks all ones or all zeros (the gate's
// polynomial modulo 2): three LOP3 for 32 samples.
#include "device/check.h"
#include "logic/gpu/dispatch.h"
#include "logic/gpu/segment.cuh"

namespace dltonic::logic::gpu {
namespace {

struct Masks {
  std::uint32_t one, a, b, ab;
  __device__ explicit Masks(std::uint32_t id) {
    const std::uint32_t t00 = -(id >> 3 & 1), t01 = -(id >> 2 & 1), t10 = -(id >> 1 & 1), t11 = -(id & 1);
    one = t00;
    a = t00 ^ t10;
    b = t00 ^ t01;
    ab = t00 ^ t01 ^ t10 ^ t11;
  }
  __device__ std::uint32_t operator()(std::uint32_t x, std::uint32_t y) const { return (one ^ (a & x)) ^ ((b ^ (ab & x)) & y); }
};

template <int kWords>
struct Words {
  std::uint32_t w[kWords];
  __device__ void load(const std::uint32_t* p) {
    if constexpr (kWords == 4) {
      const uint4 v = __ldcg(reinterpret_cast<const uint4*>(p));
      w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
    } else {
      w[0] = __ldcg(p);
    }
  }
  __device__ void load_cached(const std::uint32_t* p) {
    if constexpr (kWords == 4) {
      const uint4 v = __ldg(reinterpret_cast<const uint4*>(p));
      w[0] = v.x, w[1] = v.y, w[2] = v.z, w[3] = v.w;
    } else {
      w[0] = __ldg(p);
    }
  }
  __device__ void store(std::uint32_t* p) const {
    if constexpr (kWords == 4) *reinterpret_cast<uint4*>(p) = make_uint4(w[0], w[1], w[2], w[3]);
    else *p = w[0];
  }
};

template <int kWords>
__device__ Words<kWords> apply(const Masks& masks, const Words<kWords>& a, const Words<kWords>& b) {
  Words<kWords> y;
#pragma unroll
  for (int i = 0; i < kWords; ++i) y.w[i] = masks(a.w[i], b.w[i]);
  return y;
}

/// Rows of words in memory.
template <class Word>
struct BitRows {
  Word* data;
  std::uint32_t words;  ///< between rows
  __device__ Word* at(std::int32_t row, std::uint32_t offset) const {
    return data + offset + static_cast<std::size_t>(static_cast<std::uint32_t>(row)) * words;
  }
};
using BitsIn = BitRows<const std::uint32_t>;
using BitsOut = BitRows<std::uint32_t>;

/// What a thread works on: `unit` (gates, segments) and kWords words of the rows, neighbouring threads neighbouring words.
template <int kWords>
struct Chunk {
  std::uint32_t unit, offset;
  __device__ explicit Chunk(std::uint32_t row_words) {
    const std::uint32_t chunks = row_words / kWords, thread = blockIdx.x * kBlock + threadIdx.x;
    unit = thread / chunks;
    offset = thread % chunks * kWords;
  }
};

/// Along a run of gates: gate u of the run reads rows u and u + 1.
template <int kRun, int kWords>
__device__ void apply_run(const std::uint8_t* __restrict__ ids, std::int32_t first, const Words<kWords> (&row)[kRun + 1],
                          const BitsOut& y, std::uint32_t offset) {
#pragma unroll
  for (int u = 0; u < kRun; ++u) apply(Masks(__ldg(ids + first + u)), row[u], row[u + 1]).store(y.at(first + u, offset));
}

/// Launch: a thread a segment and kWords words of it.
template <int kWords>
__global__ __launch_bounds__(kBlock) void walk(BitsIn x, const Segment* __restrict__ segments, int segment_count,
                                               const std::uint8_t* __restrict__ ids, BitsOut y) {
  const Chunk<kWords> chunk(y.words);
  if (chunk.unit >= segment_count) return;
  const Segment s = load_record(segments + chunk.unit);
  with_run(s.count, [&]<int kRun>(Int<kRun>) {
    Words<kWords> row[kRun + 1];
#pragma unroll
    for (int u = 0; u <= kRun; ++u) row[u].load(x.at(s.in[u], chunk.offset));
    apply_run<kRun>(ids, s.first, row, y, chunk.offset);
  });
}

/// walk() of the second layer, whose rows are made from the input's on the way.
/// Launch: a thread a segment of the second layer and kWords words of it.
template <int kWords>
__global__ __launch_bounds__(kBlock) void fused(BitsIn x, const std::uint8_t* __restrict__ first_ids,
                                                const FusedSegment* __restrict__ segments, int segment_count,
                                                const std::uint8_t* __restrict__ ids, BitsOut y) {
  const Chunk<kWords> chunk(y.words);
  if (chunk.unit >= segment_count) return;
  const FusedSegment* const segment = segments + chunk.unit;
  const FusedSegment::Header s = load_record(&segment->header);
  with_run(s.count, [&]<int kRun>(Int<kRun>) {
    Words<kWords> row[kRun + 1];
#pragma unroll
    for (int u = 0; u <= kRun; ++u) {
      Words<kWords> a, b;
      const Pair pair = load_pair(segment->pairs + u);
      a.load_cached(x.at(pair.a, chunk.offset));
      b.load_cached(x.at(pair.b, chunk.offset));
      row[u] = apply(Masks(__ldg(first_ids + (u < kRun ? s.first + u : s.after))), a, b);
    }
    apply_run<kRun>(ids, s.first, row, y, chunk.offset);
  });
}

/// Launch: a thread kGates gates and kWords words of their rows.
constexpr int kGates = 8;
template <int kWords>
__global__ __launch_bounds__(kBlock) void gather(BitsIn x, const Pair* __restrict__ pairs, int gates,
                                                 const std::uint8_t* __restrict__ ids, BitsOut y) {
  const Chunk<kWords> chunk(y.words);
  each_run<kGates>(static_cast<int>(chunk.unit) * kGates, gates, [&]<int kRun>(int first, Int<kRun>) {
    Words<kWords> a[kRun], b[kRun];
#pragma unroll
    for (int u = 0; u < kRun; ++u) {
      const Pair pair = load_pair(pairs + first + u);
      a[u].load(x.at(pair.a, chunk.offset));
      b[u].load(x.at(pair.b, chunk.offset));
    }
#pragma unroll
    for (int u = 0; u < kRun; ++u) apply(Masks(__ldg(ids + first + u)), a[u], b[u]).store(y.at(first + u, chunk.offset));
  });
}

constexpr int kPlanes = 6;  ///< bits of a thread's counters: it counts at most 63 gates
constexpr int kCountGates = 60;

/// The words of a row that a block of counting threads takes side by side: a power of two.
constexpr int counted_words(int row_words) {
  int words = 1;
  while (words < 32 && words < row_words) words *= 2;
  return words;
}
constexpr int gates_a_thread(int words) { return words >= 32 ? 48 : words >= 8 ? 24 : 12; }
static_assert(gates_a_thread(32) <= kCountGates);

/// Outputs of the last layer are only counted: bit-sliced counters, six planes a thread (a carry-save adder of one input
/// at a time), unpacked into integer counters of the block.
/// Launch: blockIdx.x = class * parts_a_class + part, blockIdx.y = group of `words` words;
///   thread: word threadIdx.x % words, gates of the class from (part * (kBlock / words) + threadIdx.x / words) * gates_each on.
__global__ __launch_bounds__(kBlock) void counts(BitsIn x, const ScoreGate* __restrict__ list, int gates_a_class,
                                                 int parts_a_class, const std::uint8_t* __restrict__ ids, int row_words,
                                                 int words, int gates_each, float* __restrict__ parts) {
  extern __shared__ int counters[];  // [bit][word]
  const int word = threadIdx.x % words, slice = threadIdx.x / words;
  const int klass = blockIdx.x / parts_a_class, part = blockIdx.x % parts_a_class;
  const int begin = (part * (kBlock / words) + slice) * gates_each, end = min(begin + gates_each, gates_a_class);
  const int column = blockIdx.y * words + word;
  for (int i = threadIdx.x; i < 32 * words; i += kBlock) counters[i] = 0;
  __syncthreads();
  if (column < row_words && begin < end) {
    constexpr int kAtOnce = 4;
    list += static_cast<std::size_t>(klass) * gates_a_class;
    std::uint32_t plane[kPlanes] = {};
    for (int n = begin; n < end; n += kAtOnce) {
      ScoreGate gate[kAtOnce];
      std::uint32_t a[kAtOnce], b[kAtOnce], id[kAtOnce];
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        gate[u] = load_record(list + min(n + u, end - 1));
        a[u] = __ldcg(x.at(gate[u].a, column));
        b[u] = __ldcg(x.at(gate[u].b, column));
        id[u] = n + u < end ? __ldg(ids + gate[u].position) : 0;  // past the end: FALSE, which counts nothing
      }
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        std::uint32_t carry = Masks(id[u])(a[u], b[u]);
#pragma unroll
        for (int p = 0; p < kPlanes; ++p) {
          const std::uint32_t next = plane[p] & carry;
          plane[p] ^= carry;
          carry = next;
        }
      }
    }
#pragma unroll
    for (int bit = 0; bit < 32; ++bit) {
      int count = 0;
#pragma unroll
      for (int p = 0; p < kPlanes; ++p) count |= static_cast<int>(plane[p] >> bit & 1) << p;
      atomicAdd(&counters[bit * words + word], count);  // integers: any order gives the same
    }
  }
  __syncthreads();
  float* out = parts + static_cast<std::size_t>(blockIdx.x) * 32 * row_words + blockIdx.y * 32 * words;
  for (int i = threadIdx.x; i < 32 * words; i += kBlock) {
    if (static_cast<int>(blockIdx.y) * words + i / 32 < row_words)
      out[i] = static_cast<float>(counters[i % 32 * words + i / 32]);
  }
}

BitsIn bits_in(const void* x, std::size_t stride_bytes) {
  return {static_cast<const std::uint32_t*>(x), static_cast<std::uint32_t>(stride_bytes / 4)};
}
BitsOut bits_out(void* y, int row_bytes) { return {static_cast<std::uint32_t*>(y), static_cast<std::uint32_t>(row_bytes / 4)}; }

/// f(Int<words a thread>, blocks) for so many units of work on each chunk of the rows.
template <class F>
void with_words(const BitsIn& x, const BitsOut& y, std::int64_t units, F f) {
  const bool aligned = x.words % 4 == 0 && reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0;
  const auto blocks = [&](std::uint32_t words) { return static_cast<unsigned>(pieces(units * (y.words / words), kBlock)); };
  if (aligned && y.words % 4 == 0 && y.words >= 32) f(Int<4>{}, blocks(4));
  else f(Int<1>{}, blocks(1));
}

}  // namespace

using device::check_launch;

void hard_walk(const void* x, const LayerOnDevice& layer, const std::uint8_t* ids, int row_bytes, void* y,
               StreamHandle stream) {
  const BitsIn in = bits_in(x, static_cast<std::size_t>(row_bytes));
  const BitsOut out = bits_out(y, row_bytes);
  with_words(in, out, layer.segment_count, [&](auto words, unsigned blocks) {
    walk<words><<<blocks, kBlock, 0, stream>>>(in, layer.segments, layer.segment_count, ids, out);
  });
  check_launch("forward of a hard layer (walk)");
}

void hard_fused(InputBits x, const std::uint8_t* first_ids, const LayerOnDevice& second, const std::uint8_t* second_ids,
                int row_bytes, void* y, StreamHandle stream) {
  const BitsIn in = bits_in(x.bytes, x.stride);
  const BitsOut out = bits_out(y, row_bytes);
  with_words(in, out, second.segment_count, [&](auto words, unsigned blocks) {
    fused<words><<<blocks, kBlock, 0, stream>>>(in, first_ids, second.fused, second.segment_count, second_ids, out);
  });
  check_launch("forward of the first two hard layers");
}

void hard_gather(const void* x, std::size_t x_stride, const LayerOnDevice& layer, const std::uint8_t* ids, int row_bytes,
                 void* y, StreamHandle stream) {
  const BitsIn in = bits_in(x, x_stride);
  const BitsOut out = bits_out(y, row_bytes);
  with_words(in, out, pieces(layer.gates, kGates), [&](auto words, unsigned blocks) {
    gather<words><<<blocks, kBlock, 0, stream>>>(in, layer.pairs, static_cast<int>(layer.gates), ids, out);
  });
  check_launch("forward of a hard layer (gather)");
}

int hard_score_parts(std::int64_t gates, int classes, int row_bytes) {
  const int words = counted_words(row_bytes / 4);
  const std::int64_t a_block = static_cast<std::int64_t>(kBlock / words) * gates_a_thread(words);
  return static_cast<int>((gates / classes + a_block - 1) / a_block);
}

void hard_scores(const void* x, std::size_t x_stride, const LayerOnDevice& layer, const std::uint8_t* ids, int classes,
                 int row_bytes, float* parts, StreamHandle stream) {
  const int row_words = row_bytes / 4, words = counted_words(row_words);
  const int parts_a_class = hard_score_parts(layer.gates, classes, row_bytes);
  const dim3 grid(static_cast<unsigned>(classes * parts_a_class), static_cast<unsigned>((row_words + words - 1) / words));
  counts<<<grid, kBlock, 32 * words * sizeof(int), stream>>>(bits_in(x, x_stride), layer.scores,
                                                             static_cast<int>(layer.gates / classes), parts_a_class, ids,
                                                             row_words, words, gates_a_thread(words), parts);
  check_launch("counts of a hard layer");
}

}  // namespace dltonic::logic::gpu
