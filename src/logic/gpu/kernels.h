/// Kernels of gate networks on a GPU, twins of the CPU's in gate_layer.h, gate_update.h, group_sum.h and hard_layer.h. All
/// pointers are device memory; everything is enqueued on a stream, nothing waits, nothing allocates; no float atomics, so
/// that runs repeat bit for bit.
///
/// Layers stand in *device order* (device_plan.h): a gate's position in it numbers its row of activations, its
/// coefficients c [gates][4] and its sums S [gates][4].
#pragma once

#include <cstddef>
#include <cstdint>

#include "dltonic/device/step.h"
#include "dltonic/device/stream.h"
#include "dltonic/logic/gate.h"
#include "dltonic/logic/loss.h"
#include "logic/gpu/device_plan.h"

namespace dltonic::logic::gpu {

using device::StreamHandle;

/// How activations and gradients lie in memory: [row][samples]. bits: activations packed, gradients bf16 or float.
enum class Activations : std::uint8_t { float32, bfloat16, bits_bfloat16, bits_float32 };
constexpr bool packed(Activations a) { return a == Activations::bits_bfloat16 || a == Activations::bits_float32; }
constexpr bool wide(Activations a) { return a == Activations::float32 || a == Activations::bits_float32; }
/// Bytes of a row of activations, of gradients.
constexpr std::size_t activation_bytes(Activations a, int samples) {
  return packed(a) ? static_cast<std::size_t>(samples) / 8 : static_cast<std::size_t>(samples) * (wide(a) ? 4 : 2);
}
constexpr std::size_t gradient_bytes(Activations a, int samples) {
  return static_cast<std::size_t>(samples) * (wide(a) ? 4 : 2);
}

/// A tile of the batch: its samples, padded to `groups` column groups of 8 × lanes samples.
struct Tile {
  int samples = 0;
  int lanes = 32;  ///< 4, 8, 16 or 32
  int groups = 1;
  int padded() const { return 8 * lanes * groups; }
};
/// The tile for so many samples: wide groups, unless padding to them would waste more than an eighth.
/// most_lanes: 32, 16, 8 or 4.
Tile make_tile(int samples, int most_lanes = 32);
/// One that fits where `most` does: no more groups, no longer rows. samples <= most.samples.
Tile make_tile(int samples, const Tile& most);

/// Packed bits of the network's input: byte j of a row holds samples 8j … 8j+7 of the tile.
struct InputBits {
  const std::uint8_t* bytes = nullptr;
  std::size_t stride = 0;  ///< bytes between rows
};

/// The gradient of a layer's output: rows of gates, or (last layer) rows of the head's table, one a class.
struct OutputGradient {
  const void* rows = nullptr;
  const std::uint16_t* class_of = nullptr;  ///< not null: row class_of[position] is the gate's
};

/// Where the four sums of a layer go: S [groups][gates of the network][4], of which `S` points at the layer's first gate.
struct Sums {
  float* S = nullptr;
  std::size_t group_stride = 0;  ///< floats between column groups
  bool add = false;              ///< onto what is there
  double* nonfinite = nullptr;   ///< becomes 1 where a sum is not finite
};

// ---- forward: y [gates][padded], written --------------------------------------------------------------
/// Along a walk: each row of x is read once.
void forward_walk(Activations kind, const void* x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                  StreamHandle stream);
/// Any wiring.
void forward_gather(Activations kind, const void* x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                    StreamHandle stream);
/// First layer: from the input's bits. kind float32 or bfloat16.
void forward_input(Activations kind, InputBits x, const LayerOnDevice& layer, const float* c, Tile tile, void* y,
                   StreamHandle stream);
/// Layers 1 and 2 at once: layer 1's outputs live in registers only. `second` has a fused list.
void forward_fused(Activations kind, InputBits x, const float* first_c, const LayerOnDevice& second, const float* second_c,
                   Tile tile, void* y, StreamHandle stream);
/// Last layer: y is only summed. parts [classes * score_parts][padded] float, written.
void forward_scores(Activations kind, const void* x, const LayerOnDevice& layer, const float* c, int classes, Tile tile,
                    float* parts, StreamHandle stream);
void forward_scores(InputBits x, const LayerOnDevice& layer, const float* c, int classes, Tile tile, float* parts,
                    StreamHandle stream);
int score_parts(std::int64_t gates, int classes);

// ---- forward of hard gates, 32 samples a word ---------------------------------------------------------
/// ids: hard gate of each position. x and y: packed rows of row_bytes (multiples of 4; of 16: four words at once).
void hard_walk(const void* x, const LayerOnDevice& layer, const std::uint8_t* ids, int row_bytes, void* y, StreamHandle stream);
/// Layers 1 and 2 at once: layer 1's bits live in registers only. `second` has a fused list.
void hard_fused(InputBits x, const std::uint8_t* first_ids, const LayerOnDevice& second, const std::uint8_t* second_ids,
                int row_bytes, void* y, StreamHandle stream);
void hard_gather(const void* x, std::size_t x_stride, const LayerOnDevice& layer, const std::uint8_t* ids, int row_bytes,
                 void* y, StreamHandle stream);
/// Last layer: bits set in each class, as floats. parts [classes * hard_score_parts][32 * words], written.
void hard_scores(const void* x, std::size_t x_stride, const LayerOnDevice& layer, const std::uint8_t* ids, int classes,
                 int row_bytes, float* parts, StreamHandle stream);
int hard_score_parts(std::int64_t gates, int classes, int row_bytes);

constexpr int kMostClasses = 384;  ///< whose logits of 32 samples fit the shared memory that every GPU has

// ---- head -------------------------------------------------------------------------------------------
/// Adds the parts of each class up and divides by tau: out [samples][classes].
void group_logits(const float* parts, int count, int classes, int samples, int padded, double tau, float* out,
                  StreamHandle stream);
/// And on to loss and gradient (loss.h); `weights` [classes] in device memory, or null: all 1. targets [samples]; loss
/// [padded], 0 past the samples; correct [padded] 0 or 1; table [classes][padded] gradients by kind, 0 past the samples.
void group_loss(Activations kind, const float* parts, int count, int classes, Tile tile, double tau, double inverse_batch,
                const Targets& targets, double label_smoothing, const float* weights, float* loss, std::uint8_t* correct,
                void* table, StreamHandle stream);
/// sums->loss and ->correct += those of [samples], in a fixed order.
void tally(const float* loss, const std::uint8_t* correct, int samples, device::StepSums* sums, StreamHandle stream);

// ---- backward ---------------------------------------------------------------------------------------
/// Four sums, and dx [inputs][padded] = gradient × grad_factor, written.
void backward_walk(Activations kind, const void* x, OutputGradient dy, const LayerOnDevice& layer, const float* c,
                   float grad_factor, Tile tile, Sums sums, void* dx, StreamHandle stream);
void backward_general(Activations kind, const void* x, OutputGradient dy, const LayerOnDevice& layer, const float* c,
                      float grad_factor, Tile tile, Sums sums, void* dx, StreamHandle stream);
/// First layer: four sums from the input's bits.
void backward_input(Activations kind, InputBits x, OutputGradient dy, const LayerOnDevice& layer, Tile tile, Sums sums,
                    StreamHandle stream);
/// Layers 1 and 2 at once: what flows between them stays in registers.
void backward_fused(Activations kind, InputBits x, OutputGradient dy, const float* first_c, const LayerOnDevice& second,
                    const float* second_c, float grad_factor, Tile tile, Sums first_sums, Sums second_sums,
                    StreamHandle stream);

// ---- between logits and coefficients ----------------------------------------------------------------
/// What an update needs beside the sums. Forms as in gate_update.h.
struct Rule {
  enum class Kind : std::uint8_t { adam, adamw, sgd } kind = Kind::adam;
  double beta1 = 0, beta2 = 0;
  float epsilon = 0, weight_decay = 0, momentum = 0;
  float clip_value = 0;  ///< dz is brought into [-clip_value, clip_value] first; 0: as it is
  float clip_norm = 0;   ///< and scaled where sums->gradient_norm, of norm(), is longer; 0: as it is
};
struct Logits {
  std::int64_t gates = 0;
  Parametrization parametrization = Parametrization::raw;
  Estimator estimator = Estimator::soft;
  float temperature = 1;
  float *z = nullptr, *m = nullptr, *v = nullptr;  ///< [gates][16|4]
  const std::uint32_t* number = nullptr;           ///< canonical number of each gate in the network: key of its noise
  float* c = nullptr;           ///< [gates][4] coefficients of the estimator's forward, written; null: only ids are wanted
  std::uint8_t* ids = nullptr;  ///< hard, gumbel: the gates that c stands for, written
};
/// S [groups][gates][4], added up in order -> dz -> z, m, v -> c, ids of the next step. Does nothing to z, m, v where
/// sums->nonfinite; a gate whose sum over groups or ranks is not finite sets it and stays too.
void update(const Logits& logits, const Rule& rule, const float* S, int groups, const device::StepClock* clock,
            device::StepSums* sums, StreamHandle stream);
/// sums->gradient_norm = Euclidean norm of dz (after clip_value), from S as in update(). Where it is not finite,
/// sums->nonfinite is set before any gate changes. parts: norm_parts(gates) doubles of scratch. The order of the sum is fixed.
void norm(const Logits& logits, const Rule& rule, const float* S, int groups, const device::StepClock* clock, double* parts,
          device::StepSums* sums, StreamHandle stream);
std::size_t norm_parts(const Logits& logits);
/// c and ids of the estimator's forward at `step`.
void coefficients(const Logits& logits, const device::StepClock* clock, StreamHandle stream);
/// out [gates][4] = sum over groups of S, in order: one buffer for a reduction over ranks.
void sum_groups(const float* S, std::size_t group_stride, int groups, std::int64_t gates, float* out, StreamHandle stream);

}  // namespace dltonic::logic::gpu
