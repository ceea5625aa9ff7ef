#include "data/gpu/cut_rows.h"

#include <algorithm>
#include <bit>

#include "device/check.h"

namespace dltonic::data {
namespace {

/// A block of threads.
template <int kThreads>
class Block {
  static constexpr unsigned kWarps = kThreads / 32;

 public:
  __device__ Block(std::uint32_t* counts, std::uint64_t* tile, std::uint32_t tile_keys)
      : counts_(counts), tile_(tile), tile_keys_(tile_keys) {}
  __device__ int thread() const { return static_cast<int>(threadIdx.x); }
  __device__ int threads() const { return kThreads; }
  __device__ void sync() const { __syncthreads(); }
  __device__ std::uint32_t near() const { return 32; }
  __device__ void sync_near() const { __syncwarp(); }
  __device__ bool any(bool yes) const { return __syncthreads_or(yes) != 0; }
  __device__ std::uint32_t before(bool yes, std::uint32_t& total) const {
    const unsigned said = __ballot_sync(~0u, yes), lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    if (lane == 0) counts_[warp] = static_cast<std::uint32_t>(__popc(said));
    __syncthreads();
    std::uint32_t place = static_cast<std::uint32_t>(__popc(said & ((1u << lane) - 1)));
    total = 0;
    for (unsigned w = 0; w < kWarps; ++w) {
      const std::uint32_t count = counts_[w];
      place += w < warp ? count : 0;
      total += count;
    }
    __syncthreads();  // the counts may be written again
    return place;
  }
  __device__ std::uint32_t sum(std::uint32_t number) const {
    for (int lanes = 16; lanes > 0; lanes /= 2) number += __shfl_xor_sync(~0u, number, lanes);
    if (threadIdx.x % 32 == 0) counts_[threadIdx.x / 32] = number;
    __syncthreads();
    std::uint32_t total = 0;
    for (unsigned w = 0; w < kWarps; ++w) total += counts_[w];
    __syncthreads();  // the counts may be written again
    return total;
  }
  __device__ std::uint64_t* tile() const { return tile_; }
  __device__ std::uint32_t tile_keys() const { return tile_keys_; }
  __device__ void set_bits(std::uint32_t* word, std::uint32_t bits) const { atomicOr(word, bits); }
  __device__ void add(std::uint32_t* value, std::uint32_t by) const { atomicAdd(value, by); }
  __device__ void raise(std::uint32_t* value, std::uint32_t to) const { atomicMax(value, to); }

 private:
  std::uint32_t* counts_;
  std::uint64_t* tile_;
  std::uint32_t tile_keys_;
};

/// 32 KiB, of the 48 that a block may have unasked.
constexpr std::uint32_t kTileKeys = 4096;
/// Keys that a block sorts in shared memory, where anything sorts.
std::uint32_t tile_keys_of(const CutMemory& memory) {
  return memory.keys == nullptr ? 0 : std::bit_floor(std::min<std::uint32_t>(memory.keys_room, kTileKeys));
}

/// Launch: kThreads a block, a block a team, which takes rows blockIdx.x, + gridDim.x, …
template <int kThreads, bool kMixes>
__global__ void __launch_bounds__(kThreads) cut_rows_kernel(const CutJob job, std::uint32_t rows, std::uint32_t tile_keys) {
  __shared__ std::uint32_t counts[kThreads / 32];
  extern __shared__ std::uint64_t tile[];
  Block<kThreads> block(counts, tile, tile_keys);
  for (std::uint32_t i = blockIdx.x; i < rows; i += gridDim.x) cut_row<kMixes>(block, blockIdx.x, job, i);
}

}  // namespace

void cut_rows(const CutJob& job, std::uint32_t rows, std::uint32_t teams, bool large, device::StreamHandle stream) {
  if (rows == 0) return;
  const bool mixes = job.target.mixed != nullptr;
  auto kernel = mixes ? cut_rows_kernel<256, true> : cut_rows_kernel<256, false>;
  if (large) kernel = mixes ? cut_rows_kernel<1024, true> : cut_rows_kernel<1024, false>;
  const std::uint32_t tile_keys = tile_keys_of(job.memory);
  kernel<<<teams, large ? 1024 : 256, tile_keys * sizeof(std::uint64_t), stream>>>(job, rows, tile_keys);
  device::check_launch("cut_rows");
}

}  // namespace dltonic::data
