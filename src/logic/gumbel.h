/// Gumbel noise of logits (Yousefi et al. 2025, arXiv 2506.07500): argmax(z + noise) draws a gate with probability
/// softmax(z). One definition for the CPU and the GPU.
#pragma once

#include <cmath>
#include <cstdint>

#include "dltonic/core/random.h"

#ifdef __CUDACC__
#define DLTONIC_EVERYWHERE __host__ __device__
#else
#define DLTONIC_EVERYWHERE
#endif

namespace dltonic::logic {

/// Standard Gumbel from a random word: -log(-log u), u in the middle of one of 2^23 equal parts of (0, 1).
DLTONIC_EVERYWHERE inline float gumbel_from(std::uint32_t word) {
  const float u = (static_cast<float>(word >> 9) + 0.5f) * 0x1.0p-23f;
  return -logf(-logf(u));
}

/// Words for the logits 4*four … 4*four+3 of a gate (its number in the network) at a step.
DLTONIC_EVERYWHERE constexpr philox::Block gumbel_words(std::uint64_t seed, std::int64_t step, std::uint32_t gate,
                                                        std::uint32_t four) {
  return philox::block({four, static_cast<std::uint32_t>(Use::gumbel), static_cast<std::uint32_t>(step), gate},
                       {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

}  // namespace dltonic::logic
