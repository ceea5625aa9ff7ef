/// Kernels of one gate layer on a tile of samples, on the CPU. A CUDA twin takes the same arrays and a stream.
///
/// Layout: activations are feature-major tiles, x[feature * stride + lane]; lanes run along the samples and are a multiple
/// of kLaneUnit. Lanes past the batch hold any finite activation and a gradient of zero, so they add nothing to a sum.
/// c [gates][4] = (c0, ca, cb, cab) and S [gates][4] stand in canonical gate order.
///
/// Every function is a share of a team's work: called by all threads of an OpenMP parallel region (orphaned worksharing,
/// ends in a barrier), or by one thread outside of any. No atomics; every sum has one fixed order, whatever the threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dltonic/logic/wiring_plan.h"

namespace dltonic::logic::cpu {

constexpr int kLaneUnit = 8;
constexpr int kTileLanes = 64;  ///< most lanes of a tile

/// How a tile lies in memory: elements between rows (at least lanes; rows aligned to 64 bytes are fastest), lanes in use.
struct Tile {
  std::size_t stride = 0;
  int lanes = 0;
};

/// A first layer's input: packed bits, feature-major. `words` points at the word of the tile's first sample.
struct BitRows {
  const std::uint64_t* words = nullptr;
  std::size_t row_words = 0;  ///< words between rows
  int shift = 0;              ///< bit of the tile's first sample in its word, a multiple of kLaneUnit
};

/// The gradient of a layer's output: row n / group of `rows` is gate n's. group = 1 inside the network; in the last layer
/// the rows are the table [classes] of GroupSum and group the outputs a class.
template <class T>
struct OutputGradient {
  const T* rows = nullptr;
  std::int32_t group = 1;
};

/// Soft (or hard) forward: y[n] = c0 + ca*a + cb*b + cab*a*b, gates visited in the given order.
///   x [inputs][stride] or bits      y [gates][stride], written
template <class T>
void gate_forward(const T* x, Tile tile, const GateOrder& order, const T* c, T* y);
template <class T>
void gate_forward(BitRows x, Tile tile, const GateOrder& order, const T* c, T* y);

/// The last layer's forward: its outputs are only summed over each class, never stored.
///   parts [score_parts(gates)][classes][stride], written; their sum over the parts, in order, is the group sum.
constexpr std::int64_t gates_per_part(std::int64_t gates) { return gates / 64 > 256 ? (gates + 63) / 64 : 256; }
constexpr std::int64_t score_parts(std::int64_t gates) { return (gates + gates_per_part(gates) - 1) / gates_per_part(gates); }
template <class T>
void gate_scores(const T* x, Tile tile, const GateOrder& order, const T* c, int classes, T* parts);
template <class T>
void gate_scores(BitRows x, Tile tile, const GateOrder& order, const T* c, int classes, T* parts);

/// Four sums of a layer whose input needs no gradient.
/// S[n] += sum over lanes of dy[n] * (1, a, b, a*b).
///   x [inputs][stride] or bits      S [gates][4], ACCUMULATED
template <class T>
void gate_sums(const T* x, OutputGradient<T> dy, Tile tile, const GateOrder& order, T* S);
template <class T>
void gate_sums(BitRows x, OutputGradient<T> dy, Tile tile, const GateOrder& order, T* S);

/// Four sums and input gradient along a walk: every row of x, dy and dx moves once.
///   x [inputs][stride]: read, then OVERWRITTEN with dx * grad_factor: no second array goes through the caches
///   edges [2 * segments][stride]: scratch (a segment's first gradient share and its last input)
template <class T>
void gate_backward_walk(T* x, OutputGradient<T> dy, Tile tile, const Walk& walk, const T* c, T grad_factor, T* S, T* edges);

/// The same for any wiring (a == b, fan-out 0 and more), input by input over its consumers.
///   dx [inputs][stride], written (0 where nobody reads the input); x stays
template <class T>
void gate_backward_general(const T* x, OutputGradient<T> dy, Tile tile, const InverseIndex& index, const T* c, T grad_factor,
                           T* S, T* dx);

}  // namespace dltonic::logic::cpu
