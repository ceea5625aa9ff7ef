/// Gumbel noise of logits (Yousefi et al. 2025, arXiv 2506.07500): argmax(z + noise) draws a gate with probability
/// softmax(z). One definition for the CPU and the GPU.
#pragma once

#include <cmath>
#include <cstdint>

#include "dltonic/core/everywhere.h"
#include "dltonic/core/random.h"

namespace dltonic::logic {

/// log x to some 1e-7: on a GPU its special function unit's, for noise need not be known better.
DLTONIC_EVERYWHERE inline float quick_log(float x) {
#ifdef __CUDA_ARCH__
  return __logf(x);
#else
  return logf(x);
#endif
}

/// Standard Gumbel from a random word: -log(-log u), u in the middle of one of 2^23 equal parts of (0, 1). A GPU's differs
/// from the CPU's by 1e-6 or so: one gate in a million draws may be another one there.
DLTONIC_EVERYWHERE inline float gumbel_from(std::uint32_t word) {
  const float u = (static_cast<float>(word >> 9) + 0.5f) * 0x1.0p-23f;
  return -quick_log(fmaxf(-quick_log(u), 0x1.0p-24f));  // near u = 1 the first log may come out as 0
}

/// Words for the logits 4*four … 4*four+3 of a gate (its number in the network) at a step.
DLTONIC_EVERYWHERE constexpr philox::Block gumbel_words(std::uint64_t seed, std::int64_t step, std::uint32_t gate,
                                                        std::uint32_t four) {
  return philox::block({four, static_cast<std::uint32_t>(Use::gumbel), static_cast<std::uint32_t>(step), gate},
                       {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

}  // namespace dltonic::logic
