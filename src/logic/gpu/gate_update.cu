// Between logits and coefficients on a GPU: S -> dz -> optimiser -> c, every gate's logits and moments read and written once.
//
// A gate's truth table has four entries p = (p00, p01, p10, p11). light: they are the sigmoids of its four logits, one
// thread a gate. raw: four lanes a gate, lane j holds logits 4j … 4j+3 (their t00, t01 are the bits of j, their t10, t11 those
// of the place inside a lane), and a softmax over 16 is two shuffles. With D = dL/dp, the gradient of a gate's weight is the
// sum of D over the entries that it sets.
#include <cmath>
#include <type_traits>

#include "device/check.h"
#include "dltonic/core/random.h"
#include "logic/gpu/kernels.h"
#include "logic/gumbel.h"

namespace dltonic::logic::gpu {
namespace {

constexpr int kThreads = 256;

struct Step {
  float rate, step_size, root_correction;  ///< rate / (1 - beta1^t), 1 / sqrt(1 - beta2^t)
  float scale;                             ///< of dz
};

/// One thread's four values of z, m, v.
struct Optimizer {
  Rule rule;
  float beta1, beta2, rest1, rest2, log_beta1, log_beta2;
  explicit Optimizer(const Rule& r)
      : rule(r),
        beta1(static_cast<float>(r.beta1)),
        beta2(static_cast<float>(r.beta2)),
        rest1(static_cast<float>(1 - r.beta1)),
        rest2(static_cast<float>(1 - r.beta2)),
        log_beta1(static_cast<float>(std::log(r.beta1))),
        log_beta2(static_cast<float>(std::log(r.beta2))) {}

  __device__ float clipped(float g) const {
    return rule.clip_value > 0 ? fminf(fmaxf(g, -rule.clip_value), rule.clip_value) : g;
  }
  template <Rule::Kind kKind>
  __device__ void apply(const Step& step, float dz, float& z, float& m, float& v) const {
    float g = clipped(dz) * step.scale;
    if constexpr (kKind == Rule::Kind::adamw) z *= 1 - step.rate * rule.weight_decay;
    else g = fmaf(rule.weight_decay, z, g);
    if constexpr (kKind == Rule::Kind::sgd) {
      m = fmaf(rule.momentum, m, g);
      z -= step.rate * m;
    } else {
      m = beta1 * m + rest1 * g;
      v = beta2 * v + rest2 * g * g;
      z -= step.step_size * m / (sqrtf(v) * step.root_correction + rule.epsilon);
    }
  }
};

__device__ inline float4 load4(const float* p) { return *reinterpret_cast<const float4*>(p); }
__device__ inline void store4(float* p, const float (&v)[4]) {
  *reinterpret_cast<float4*>(p) = make_float4(v[0], v[1], v[2], v[3]);
}
__device__ inline void unpack(const float4& q, float (&v)[4]) { v[0] = q.x, v[1] = q.y, v[2] = q.z, v[3] = q.w; }

__device__ inline float4 coefficients_of(float p00, float p01, float p10, float p11) {
  return make_float4(p00, p10 - p00, p01 - p00, (p00 - p01) - (p10 - p11));
}
__device__ inline float4 row_of(int id) {
  const float t00 = id >> 3 & 1, t01 = id >> 2 & 1, t10 = id >> 1 & 1, t11 = id & 1;
  return coefficients_of(t00, t01, t10, t11);
}

/// dL/dp of (00, 01, 10, 11) from the four sums.
__device__ inline void table_gradient(const float4& S, float (&D)[4]) {
  const float a_only = S.y - S.w, b_only = S.z - S.w;
  D[0] = S.x - S.y - b_only;
  D[1] = b_only;
  D[2] = a_only;
  D[3] = S.w;
}

/// Noise of four logits of a gate at a step.
struct Noise {
  float of[4];
  __device__ Noise(std::uint64_t seed, std::int64_t step, std::uint32_t gate, int four) {
    const auto words = gumbel_words(seed, step, gate, static_cast<std::uint32_t>(four));
#pragma unroll
    for (int i = 0; i < 4; ++i) of[i] = gumbel_from(words[i]);
  }
};
/// What stands for it where nothing is drawn.
struct NoNoise {
  __device__ NoNoise(std::uint64_t, std::int64_t, std::uint32_t, int) {}
};
template <Estimator kEstimator>
using NoiseOf = std::conditional_t<kEstimator == Estimator::gumbel, Noise, NoNoise>;
__device__ inline void add(float (&z)[4], const Noise& noise) {
#pragma unroll
  for (int i = 0; i < 4; ++i) z[i] += noise.of[i];
}
__device__ inline void add(float (&)[4], const NoNoise&) {}
template <Estimator kEstimator>
__device__ std::uint32_t number_of(const Logits& l, std::uint32_t gate) {
  if constexpr (kEstimator == Estimator::gumbel) return __ldg(l.number + gate);
  else return gate;
}

/// A quarter of a gate with 16 logits, in lane j of four.
struct Quarter {
  float w[4];  ///< softmax

  __device__ Quarter(const float (&z)[4], float inverse_temperature) {
    float top = fmaxf(fmaxf(z[0], z[1]), fmaxf(z[2], z[3]));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
    top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
    float sum = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) sum += w[i] = __expf((z[i] - top) * inverse_temperature);
    sum += __shfl_xor_sync(~0u, sum, 1);
    sum += __shfl_xor_sync(~0u, sum, 2);
    const float inverse = 1 / sum;
#pragma unroll
    for (int i = 0; i < 4; ++i) w[i] *= inverse;
  }
  /// c, in every lane.
  __device__ float4 mixture(int j) const {
    const float all = (w[0] + w[1]) + (w[2] + w[3]);
    float p00 = j & 2 ? all : 0, p01 = j & 1 ? all : 0, p10 = w[2] + w[3], p11 = w[1] + w[3];
#pragma unroll
    for (int step = 1; step < 4; step *= 2) {
      p00 += __shfl_xor_sync(~0u, p00, step);
      p01 += __shfl_xor_sync(~0u, p01, step);
      p10 += __shfl_xor_sync(~0u, p10, step);
      p11 += __shfl_xor_sync(~0u, p11, step);
    }
    return coefficients_of(p00, p01, p10, p11);
  }
  __device__ void gradient(const float4& S, int j, float inverse_temperature, float (&dz)[4]) const {
    float D[4];
    table_gradient(S, D);
    const float upper = (j & 2 ? D[0] : 0) + (j & 1 ? D[1] : 0);
    const float G[4] = {upper, upper + D[3], upper + D[2], upper + D[2] + D[3]};
    float mean = (w[0] * G[0] + w[1] * G[1]) + (w[2] * G[2] + w[3] * G[3]);
    mean += __shfl_xor_sync(~0u, mean, 1);
    mean += __shfl_xor_sync(~0u, mean, 2);
#pragma unroll
    for (int i = 0; i < 4; ++i) dz[i] = w[i] * inverse_temperature * (G[i] - mean);
  }
  /// The first largest of 16.
  static __device__ int decide(const float (&z)[4], int j) {
    float best = z[0];
    int id = 4 * j;
#pragma unroll
    for (int i = 1; i < 4; ++i) {
      if (z[i] > best) best = z[i], id = 4 * j + i;
    }
#pragma unroll
    for (int step = 1; step < 4; step *= 2) {
      const float other = __shfl_xor_sync(~0u, best, step);
      const int other_id = __shfl_xor_sync(~0u, id, step);
      if (other > best || (other == best && other_id < id)) best = other, id = other_id;
    }
    return id;
  }
};

/// A gate whose four logits are the entries of its truth table.
struct Table {
  float w[4];
  __device__ Table(const float (&z)[4], float inverse_temperature) {
#pragma unroll
    for (int i = 0; i < 4; ++i) w[i] = 1 / (1 + __expf(-z[i] * inverse_temperature));
  }
  __device__ float4 mixture(int) const { return coefficients_of(w[0], w[1], w[2], w[3]); }
  __device__ void gradient(const float4& S, int, float inverse_temperature, float (&dz)[4]) const {
    float D[4];
    table_gradient(S, D);
#pragma unroll
    for (int i = 0; i < 4; ++i) dz[i] = D[i] * w[i] * (1 - w[i]) * inverse_temperature;
  }
  static __device__ int decide(const float (&z)[4], int) {
    return 8 * (z[0] > 0) + 4 * (z[1] > 0) + 2 * (z[2] > 0) + (z[3] > 0);
  }
};

/// Whose values a thread holds. Threads past the end follow the last gate, for shuffles need whole warps, but write nothing.
template <int kLanes>
struct Lane {
  std::uint32_t gate;
  int j;
  bool mine;
  std::size_t at;  ///< of its four logits
  __device__ explicit Lane(std::int64_t gates) {
    const std::uint32_t thread = blockIdx.x * kThreads + threadIdx.x;
    mine = thread / kLanes < gates;
    gate = mine ? thread / kLanes : static_cast<std::uint32_t>(gates - 1);
    j = static_cast<int>(thread % kLanes);
    at = (gate * std::size_t{kLanes} + j) * 4;
  }
};

/// The next forward's c and ids.
template <class Mixture, Estimator kEstimator>
__device__ void write_forward(const Logits& l, float (&z)[4], const NoiseOf<kEstimator>& noise, std::uint32_t gate, int j,
                              bool writes, float inverse_temperature) {
  if constexpr (kEstimator == Estimator::soft) {
    const float4 c = Mixture(z, inverse_temperature).mixture(j);
    if (writes) reinterpret_cast<float4*>(l.c)[gate] = c;
  } else {
    add(z, noise);
    const int id = Mixture::decide(z, j);
    if (!writes) return;
    if (l.c != nullptr) reinterpret_cast<float4*>(l.c)[gate] = row_of(id);
    l.ids[gate] = static_cast<std::uint8_t>(id);
  }
}

/// S of a gate, its groups added up in order.
__device__ inline float4 sum_of(const float* __restrict__ S, int groups, std::int64_t gates, std::uint32_t gate) {
  float4 sum = make_float4(0, 0, 0, 0);
  for (int i = 0; i < groups; ++i) {
    const float4 part = __ldcg(reinterpret_cast<const float4*>(S) + i * gates + gate);
    sum.x += part.x, sum.y += part.y, sum.z += part.z, sum.w += part.w;
  }
  return sum;
}

/// Sum over the block's threads, in a fixed order; thread 0 has it.
__device__ double block_sum(double value) {
  __shared__ double of_warp[kThreads / 32];
  for (int step = 16; step > 0; step /= 2) value += __shfl_down_sync(~0u, value, step);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < kThreads / 32; ++warp) value += of_warp[warp];
  }
  return value;
}

/// parts [blocks]: squares of dz of each block's gates. Launch as update_kernel.
template <class Mixture, int kLanes, Estimator kEstimator>
__global__ __launch_bounds__(kThreads) void squares_kernel(Logits l, Optimizer optimizer, const float* __restrict__ S,
                                                           int groups, const device::StepClock* __restrict__ clock,
                                                           double* parts) {
  const auto [gate, j, mine, at] = Lane<kLanes>(l.gates);
  float seen[4], dz[4];
  unpack(load4(l.z + at), seen);
  const NoiseOf<kEstimator> noise(clock->seed, clock->step, number_of<kEstimator>(l, gate), j);
  add(seen, noise);
  const float inverse_temperature = 1 / l.temperature;
  Mixture(seen, inverse_temperature).gradient(sum_of(S, groups, l.gates, gate), j, inverse_temperature, dz);
  double square = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const double g = optimizer.clipped(dz[i]);
    square += g * g;
  }
  const double sum = block_sum(mine ? square : 0);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

/// Launch: one block.
__global__ __launch_bounds__(kThreads) void norm_kernel(const double* parts, std::size_t count, device::StepSums* sums) {
  double sum = 0;
  for (std::size_t i = threadIdx.x; i < count; i += kThreads) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x != 0) return;
  sums->gradient_norm = sqrt(sum);
  if (!isfinite(sum)) sums->nonfinite = 1;
}

/// Launch: four lanes (raw) or one thread (light) a gate.
template <class Mixture, int kLanes, Estimator kEstimator>
__global__ __launch_bounds__(kThreads) void coefficients_kernel(Logits l, const device::StepClock* clock) {
  const Lane<kLanes> lane(l.gates);
  float z[4];
  unpack(load4(l.z + lane.at), z);
  const NoiseOf<kEstimator> noise(clock->seed, clock->step, number_of<kEstimator>(l, lane.gate), lane.j);
  write_forward<Mixture, kEstimator>(l, z, noise, lane.gate, lane.j, lane.mine && lane.j == 0, 1 / l.temperature);
}

template <class Mixture, int kLanes, Estimator kEstimator, Rule::Kind kKind>
__global__ __launch_bounds__(kThreads) void update_kernel(Logits l, Optimizer optimizer, const float* __restrict__ S,
                                                          int groups, const device::StepClock* __restrict__ clock,
                                                          device::StepSums* sums) {
  __shared__ Step step;
  const auto [gate, j, mine, at] = Lane<kLanes>(l.gates);
  // Everything that comes from memory is asked for first; noise is made while it is on its way.
  float z[4], m[4], v[4];
  const std::uint32_t number = number_of<kEstimator>(l, gate);
  unpack(load4(l.z + at), z);
  unpack(load4(l.m + at), m);
  if constexpr (kKind != Rule::Kind::sgd) unpack(load4(l.v + at), v);
  const float4 sum = sum_of(S, groups, l.gates, gate);
  if (threadIdx.x == 0) {
    const float t = static_cast<float>(clock->updates + 1), rate = clock->learning_rate;
    step.rate = rate;
    const float limit = optimizer.rule.clip_norm;
    step.scale = limit > 0 ? static_cast<float>(fmin(1.0, limit / (sums->gradient_norm + 1e-6))) : 1;
    if constexpr (kKind != Rule::Kind::sgd) {
      // 1 - beta^t without the cancellation of small t: -expm1(t log beta)
      step.step_size = rate / -expm1f(t * optimizer.log_beta1);
      step.root_correction = rsqrtf(-expm1f(t * optimizer.log_beta2));
    }
  }
  const NoiseOf<kEstimator> noise(clock->seed, clock->step, number, j), next_noise(clock->seed, clock->step + 1, number, j);
  __syncthreads();
  const bool finite = isfinite(sum.x) && isfinite(sum.y) && isfinite(sum.z) && isfinite(sum.w);
  if (!finite && mine) sums->nonfinite = 1;  // every writer writes the same
  const float inverse_temperature = 1 / l.temperature;
  float dz[4];
  {
    float seen[4] = {z[0], z[1], z[2], z[3]};
    add(seen, noise);
    Mixture(seen, inverse_temperature).gradient(sum, j, inverse_temperature, dz);
  }
  if (finite && !(sums->nonfinite > 0)) {
#pragma unroll
    for (int i = 0; i < 4; ++i) optimizer.template apply<kKind>(step, dz[i], z[i], m[i], v[i]);
    if (mine) {
      store4(l.z + at, z);
      store4(l.m + at, m);
      if constexpr (kKind != Rule::Kind::sgd) store4(l.v + at, v);
    }
  }
  write_forward<Mixture, kEstimator>(l, z, next_noise, gate, j, mine && j == 0, inverse_temperature);
}

__global__ __launch_bounds__(kThreads) void sum_groups_kernel(const float4* __restrict__ S, std::size_t group_stride,
                                                              int groups, std::uint32_t gates, float4* __restrict__ out) {
  const std::uint32_t gate = blockIdx.x * kThreads + threadIdx.x;
  if (gate >= gates) return;
  float4 sum = make_float4(0, 0, 0, 0);
  for (int i = 0; i < groups; ++i) {
    const float4 part = __ldcg(S + i * group_stride + gate);
    sum.x += part.x, sum.y += part.y, sum.z += part.z, sum.w += part.w;
  }
  out[gate] = sum;
}

unsigned blocks_for(std::int64_t threads) { return static_cast<unsigned>((threads + kThreads - 1) / kThreads); }

/// f(mixture, lanes, estimator) for these logits.
template <class F>
void with_mixture(const Logits& l, F f) {
  const auto with_estimator = [&]<class Mixture, int kLanes>() {
    switch (l.estimator) {
      case Estimator::soft:
        return f.template operator()<Mixture, kLanes, Estimator::soft>();
      case Estimator::hard:
        return f.template operator()<Mixture, kLanes, Estimator::hard>();
      case Estimator::gumbel:
        return f.template operator()<Mixture, kLanes, Estimator::gumbel>();
    }
  };
  if (l.parametrization == Parametrization::raw) with_estimator.template operator()<Quarter, 4>();
  else with_estimator.template operator()<Table, 1>();
}

}  // namespace

using device::check_launch;

void update(const Logits& logits, const Rule& rule, const float* S, int groups, const device::StepClock* clock,
            device::StepSums* sums, StreamHandle stream) {
  const Optimizer optimizer(rule);
  with_mixture(logits, [&]<class Mixture, int kLanes, Estimator kEstimator>() {
    const auto launch = [&]<Rule::Kind kKind>() {
      update_kernel<Mixture, kLanes, kEstimator, kKind>
          <<<blocks_for(logits.gates * kLanes), kThreads, 0, stream>>>(logits, optimizer, S, groups, clock, sums);
    };
    switch (rule.kind) {
      case Rule::Kind::adam:
        return launch.template operator()<Rule::Kind::adam>();
      case Rule::Kind::adamw:
        return launch.template operator()<Rule::Kind::adamw>();
      case Rule::Kind::sgd:
        return launch.template operator()<Rule::Kind::sgd>();
    }
  });
  check_launch("update of gate logits");
}

std::size_t norm_parts(const Logits& logits) {
  return blocks_for(logits.gates * (logits.parametrization == Parametrization::raw ? 4 : 1));
}

void norm(const Logits& logits, const Rule& rule, const float* S, int groups, const device::StepClock* clock, double* parts,
          device::StepSums* sums, StreamHandle stream) {
  const Optimizer optimizer(rule);
  with_mixture(logits, [&]<class Mixture, int kLanes, Estimator kEstimator>() {
    squares_kernel<Mixture, kLanes, kEstimator>
        <<<blocks_for(logits.gates * kLanes), kThreads, 0, stream>>>(logits, optimizer, S, groups, clock, parts);
  });
  norm_kernel<<<1, kThreads, 0, stream>>>(parts, norm_parts(logits), sums);
  check_launch("norm of the gradient");
}

void coefficients(const Logits& logits, const device::StepClock* clock, StreamHandle stream) {
  with_mixture(logits, [&]<class Mixture, int kLanes, Estimator kEstimator>() {
    coefficients_kernel<Mixture, kLanes, kEstimator><<<blocks_for(logits.gates * kLanes), kThreads, 0, stream>>>(logits, clock);
  });
  check_launch("gate coefficients");
}

void sum_groups(const float* S, std::size_t group_stride, int groups, std::int64_t gates, float* out, StreamHandle stream) {
  sum_groups_kernel<<<blocks_for(gates), kThreads, 0, stream>>>(reinterpret_cast<const float4*>(S), group_stride / 4, groups,
                                                                static_cast<std::uint32_t>(gates),
                                                                reinterpret_cast<float4*>(out));
  check_launch("sum of column groups");
}

}  // namespace dltonic::logic::gpu
