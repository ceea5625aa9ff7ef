// The head on a GPU: GroupSum, cross entropy, its gradient, and what a step tells of them.
#include <cuda_bf16.h>

#include <algorithm>

#include "device/check.h"
#include "logic/gpu/kernels.h"

namespace dltonic::logic::gpu {
namespace {

constexpr int kColumns = 32;  ///< samples of a block
/// Several warps share a class's parts, so that they are on their way at once; more than 32 classes take turns.
int warps_for(int classes) { return classes > 32 ? 32 : 32 / classes * classes; }

/// logits[class][column] of 32 samples into shared memory, which has room for [warps][column].
__device__ void add_parts(const float* __restrict__ parts, int count, int classes, int padded, float inverse_tau,
                          float* __restrict__ logits) {
  constexpr int kAtOnce = 16;
  const int lane = threadIdx.x % kColumns, warp = threadIdx.x / kColumns, warps = blockDim.x / kColumns;
  const int sharers = max(1, warps / classes);  // of a class: warps k, k + classes, ...
  for (int k = warp; k < classes * sharers; k += warps) {
    const int klass = k % classes, share = k / classes;
    const float* p = parts + static_cast<std::size_t>(klass) * count * padded + blockIdx.x * kColumns + lane;
    float sum = 0;
    for (int first = share; first < count; first += kAtOnce * sharers) {
      float part[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const int index = first + i * sharers;
        part[i] = index < count ? __ldcg(p + static_cast<std::size_t>(index) * padded) : 0.f;
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) sum += part[i];
    }
    logits[k * kColumns + lane] = sum;
  }
  __syncthreads();
  for (int k = warp; k < classes; k += warps) {
    float total = 0;
    for (int share = 0; share < sharers; ++share) total += logits[(share * classes + k) * kColumns + lane];
    logits[k * kColumns + lane] = total * inverse_tau;  // nobody else reads row k of this column
  }
  __syncthreads();
}

__global__ void logits_kernel(const float* parts, int count, int classes, int samples, int padded, float inverse_tau,
                              float* out) {
  extern __shared__ float logits[];
  add_parts(parts, count, classes, padded, inverse_tau, logits);
  for (int i = threadIdx.x; i < classes * kColumns; i += blockDim.x) {  // [sample][class]: neighbours write neighbours
    const int sample = blockIdx.x * kColumns + i / classes, k = i % classes;
    if (sample < samples) out[static_cast<std::size_t>(sample) * classes + k] = logits[k * kColumns + i / classes];
  }
}

__device__ inline void put(float* p, float v) { *p = v; }
__device__ inline void put(__nv_bfloat16* p, float v) { *p = __float2bfloat16(v); }

/// w t of one sample (loss.h).
struct Target {
  int first, second;
  float everywhere, of_first, of_second;
  const float* weights;
  __device__ float at(int k) const {
    const float t = everywhere + (k == first ? of_first : 0.f) + (k == second ? of_second : 0.f);
    return weights == nullptr ? t : t * weights[k];
  }
};

/// Launch: a block 32 samples. plain: one label, no weights, no smoothing.
template <class G, bool plain>
__global__ void loss_kernel(const float* parts, int count, int classes, int samples, int padded, float inverse_tau,
                            float scale /* 1 / (tau × global batch) */, Targets targets, float smoothing,
                            const float* __restrict__ weights, float* loss, std::uint8_t* correct, G* table) {
  extern __shared__ float logits[];  // then, in the same place, exp(logit - top)
  add_parts(parts, count, classes, padded, inverse_tau, logits);
  const int lane = threadIdx.x % kColumns, warp = threadIdx.x / kColumns, warps = blockDim.x / kColumns;
  const int sample = blockIdx.x * kColumns + lane;
  const bool real = sample < samples;
  const int label = real ? targets.first[sample] : 0;
  int first = 0;  // the first of equals
  float top = logits[lane];
  for (int k = 1; k < classes; ++k) {
    const float logit = logits[k * kColumns + lane];
    if (logit > top) top = logit, first = k;
  }
  Target target{};
  float weight = 1;
  float under_top = logits[label * kColumns + lane] - top;
  if constexpr (!plain) {
    const bool mixed = real && targets.second != nullptr;
    const float share = mixed ? targets.share[sample] : 1.f;
    target = {label,
              mixed ? targets.second[sample] : label,
              smoothing / static_cast<float>(classes),
              (1 - smoothing) * share,
              (1 - smoothing) * (1 - share),
              weights};
    weight = under_top = 0;  // sums of w t and w t (x - top)
    for (int k = 0; k < classes; ++k) {
      const float wt = target.at(k);
      if (wt == 0) continue;  // what has no share may be anything
      weight += wt;
      under_top += wt * (logits[k * kColumns + lane] - top);
    }
  }
  __syncthreads();
  for (int k = warp; k < classes; k += warps) logits[k * kColumns + lane] = expf(logits[k * kColumns + lane] - top);
  __syncthreads();
  float sum = 0;
  for (int k = 0; k < classes; ++k) sum += logits[k * kColumns + lane];
  for (int k = warp; k < classes; k += warps) {
    const float p = logits[k * kColumns + lane] / sum;
    const float dx = plain ? p - (k == label ? 1.f : 0.f) : weight * p - target.at(k);
    put(table + static_cast<std::size_t>(k) * padded + sample, real ? dx * scale : 0.f);
  }
  if (warp != 0) return;
  loss[sample] = real ? weight * logf(sum) - under_top : 0.f;
  correct[sample] = real && first == label;
}

/// One block: thread t adds samples t, t + 256, ..., then a tree over the threads.
__global__ void tally_kernel(const float* loss, const std::uint8_t* correct, int samples, device::StepSums* sums) {
  __shared__ double losses[256];
  __shared__ int right[256];
  double my_loss = 0;
  int my_right = 0;
  for (int i = threadIdx.x; i < samples; i += 256) {
    my_loss += static_cast<double>(loss[i]);
    my_right += correct[i];
  }
  losses[threadIdx.x] = my_loss;
  right[threadIdx.x] = my_right;
  for (int step = 128; step > 0; step /= 2) {
    __syncthreads();
    if (threadIdx.x >= step) continue;
    losses[threadIdx.x] += losses[threadIdx.x + step];
    right[threadIdx.x] += right[threadIdx.x + step];
  }
  if (threadIdx.x != 0) return;
  sums->loss += losses[0];
  sums->correct += right[0];
  if (!isfinite(losses[0])) sums->nonfinite = 1;
}

std::size_t logits_bytes(int classes) {
  static_assert(kMostClasses * kColumns * sizeof(float) <= 48 * 1024);
  return static_cast<std::size_t>(std::max(classes, warps_for(classes))) * kColumns * sizeof(float);
}

}  // namespace

using device::check_launch;

void group_logits(const float* parts, int count, int classes, int samples, int padded, double tau, float* out,
                  StreamHandle stream) {
  logits_kernel<<<(samples + kColumns - 1) / kColumns, kColumns * warps_for(classes), logits_bytes(classes), stream>>>(
      parts, count, classes, samples, padded, static_cast<float>(1 / tau), out);
  check_launch("group sums");
}

void group_loss(Activations kind, const float* parts, int count, int classes, Tile tile, double tau, double inverse_batch,
                const Targets& targets, double label_smoothing, const float* weights, float* loss, std::uint8_t* correct,
                void* table, StreamHandle stream) {
  const auto launch = [&]<class G>(G* typed_table) {
    const bool plain = targets.second == nullptr && label_smoothing == 0 && weights == nullptr;
    const auto kernel = plain ? loss_kernel<G, true> : loss_kernel<G, false>;
    kernel<<<tile.padded() / kColumns, kColumns * warps_for(classes), logits_bytes(classes), stream>>>(
        parts, count, classes, tile.samples, tile.padded(), static_cast<float>(1 / tau),
        static_cast<float>(inverse_batch / tau), targets, static_cast<float>(label_smoothing), weights, loss, correct,
        typed_table);
  };
  if (wide(kind)) launch(static_cast<float*>(table));
  else launch(static_cast<__nv_bfloat16*>(table));
  check_launch("loss of the head");
}

void tally(const float* loss, const std::uint8_t* correct, int samples, device::StepSums* sums, StreamHandle stream) {
  tally_kernel<<<1, 256, 0, stream>>>(loss, correct, samples, sums);
  check_launch("tally");
}

}  // namespace dltonic::logic::gpu
