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

/// Launch: a thread a segment and kWords words of it, neighbouring threads neighbouring words.
template <int kWords>
__global__ __launch_bounds__(kBlock) void walk(const std::uint32_t* __restrict__ x, const Segment* __restrict__ segments,
                                               int segment_count, const std::uint8_t* __restrict__ ids, int row_words,
                                               std::uint32_t* __restrict__ y) {
  const std::uint32_t chunks = row_words / kWords, thread = blockIdx.x * kBlock + threadIdx.x;
  const std::uint32_t index = thread / chunks, offset = thread % chunks * kWords;
  if (index >= segment_count) return;
  const Segment s = load_segment(segments + index);
  Words<kWords> row[kRunGates + 1];
#pragma unroll
  for (int u = 0; u <= kRunGates; ++u) row[u].load(x + static_cast<std::size_t>(s.in[u]) * row_words + offset);
#pragma unroll
  for (int u = 0; u < kRunGates; ++u) {
    if (u >= s.count) break;
    const Masks masks(__ldg(ids + s.first + u));
    apply(masks, row[u], row[u + 1]).store(y + static_cast<std::size_t>(s.first + u) * row_words + offset);
  }
}

/// Launch: a thread kGates gates and kWords words.
template <int kWords>
__global__ __launch_bounds__(kBlock) void gather(const std::uint32_t* __restrict__ x, std::size_t x_words,
                                                 const Pair* __restrict__ pairs, int gates,
                                                 const std::uint8_t* __restrict__ ids, int row_words,
                                                 std::uint32_t* __restrict__ y) {
  constexpr int kGates = 8;
  const std::uint32_t chunks = row_words / kWords, thread = blockIdx.x * kBlock + threadIdx.x;
  const std::uint32_t first = thread / chunks * kGates, offset = thread % chunks * kWords;
  if (first >= gates) return;
  Words<kWords> a[kGates], b[kGates];
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    const Pair pair = load_pair(pairs + min(first + u, gates - 1));
    a[u].load(x + pair.a * x_words + offset);
    b[u].load(x + pair.b * x_words + offset);
  }
#pragma unroll
  for (int u = 0; u < kGates; ++u) {
    if (first + u >= gates) break;
    const Masks masks(__ldg(ids + first + u));
    apply(masks, a[u], b[u]).store(y + static_cast<std::size_t>(first + u) * row_words + offset);
  }
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
__global__ __launch_bounds__(kBlock) void counts(const std::uint32_t* __restrict__ x, std::size_t x_words,
                                                 const ScoreGate* __restrict__ list, int gates_a_class, int parts_a_class,
                                                 const std::uint8_t* __restrict__ ids, int row_words, int words, int gates_each,
                                                 float* __restrict__ parts) {
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
        gate[u] = load_score_gate(list + min(n + u, end - 1));
        a[u] = __ldcg(x + gate[u].a * x_words + column);
        b[u] = __ldcg(x + gate[u].b * x_words + column);
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

unsigned blocks_for(std::int64_t threads) { return static_cast<unsigned>((threads + kBlock - 1) / kBlock); }
const std::uint32_t* words_of(const void* x) { return static_cast<const std::uint32_t*>(x); }

}  // namespace

using device::check_launch;

void hard_walk(const void* x, const LayerOnDevice& layer, const std::uint8_t* ids, int row_bytes, void* y,
               StreamHandle stream) {
  const int row_words = row_bytes / 4;
  const auto launch = [&]<int kWords>(Int<kWords>) {
    walk<kWords><<<blocks_for(static_cast<std::int64_t>(layer.segment_count) * (row_words / kWords)), kBlock, 0, stream>>>(
        words_of(x), layer.segments, layer.segment_count, ids, row_words, static_cast<std::uint32_t*>(y));
  };
  if (row_words % 4 == 0 && row_words >= 32) launch(Int<4>{});
  else launch(Int<1>{});
  check_launch("forward of a hard layer (walk)");
}

void hard_gather(const void* x, std::size_t x_stride, const LayerOnDevice& layer, const std::uint8_t* ids, int row_bytes,
                 void* y, StreamHandle stream) {
  const int row_words = row_bytes / 4;
  const auto launch = [&]<int kWords>(Int<kWords>) {
    gather<kWords><<<blocks_for((layer.gates + 7) / 8 * (row_words / kWords)), kBlock, 0, stream>>>(
        words_of(x), x_stride / 4, layer.pairs, static_cast<int>(layer.gates), ids, row_words, static_cast<std::uint32_t*>(y));
  };
  const bool aligned = x_stride % 16 == 0 && reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
  if (row_words % 4 == 0 && row_words >= 32 && aligned) launch(Int<4>{});
  else launch(Int<1>{});
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
  counts<<<grid, kBlock, 32 * words * sizeof(int), stream>>>(words_of(x), x_stride / 4, layer.scores,
                                                             static_cast<int>(layer.gates / classes), parts_a_class, ids,
                                                             row_words, words, gates_a_thread(words), parts);
  check_launch("counts of a hard layer");
}

}  // namespace dltonic::logic::gpu
