/// Kernels of the Boolean circuit: a row of packed bits a gate, 64 samples a word. OpenMP as in gate_layer.h.
#pragma once

#include <cstdint>

#include "dltonic/logic/wiring_plan.h"

namespace dltonic::logic::cpu {

constexpr int kTileWords = 4;  ///< most words of a row that are computed at once: 256 samples

/// y[n] = gate ids[n] of (x[a], x[b]), word by word.
///   x [inputs][x_words], of which `words` from the pointer on are read     ids [gates] canonical
///   y [gates][kTileWords], `words` of a row written
void hard_forward(const std::uint64_t* x, std::size_t x_words, int words, const GateOrder& order, const std::uint8_t* ids,
                  std::uint64_t* y);

/// Bits set in each contiguous group of gates, for each sample: counts [classes][64 * kTileWords], written.
/// By bit-sliced counters: carry-save adders over 16 rows at a time (Warren, Hacker's Delight, 5-1).
void hard_counts(const std::uint64_t* y, std::int64_t gates, int words, int classes, std::int32_t* counts);

}  // namespace dltonic::logic::cpu
