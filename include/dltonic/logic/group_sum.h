/// The head: logit of class k = sum of the k-th contiguous group of outputs / tau, then cross entropy. The gradient of an
/// output is constant inside a group, that of the loss (loss.h) by its class's logit / tau * inverse_batch: a table of classes
/// × samples.
#pragma once

#include <cstdint>

#include "dltonic/logic/gate_layer.h"
#include "dltonic/logic/loss.h"

namespace dltonic::logic::cpu {

/// Adds up the parts of a tile's group sums (gate_scores), in double and in order, and divides by tau.
///   parts [count][classes][stride]     out [samples][classes], written; samples <= tile.lanes
template <class T>
void group_logits(const T* parts, std::int64_t count, int classes, Tile tile, int samples, double tau, T* out);

/// The head of a training step on a tile: what group_logits does, then loss and gradient.
///   targets [samples], < classes     loss [samples], correct [samples] 0 or 1, by the first labels: written
///   table [classes][stride], written: gradient of loss sum * inverse_batch with respect to an output; 0 in lanes past the
///   samples
template <class T>
void group_loss(const T* parts, std::int64_t count, int classes, Tile tile, int samples, double tau, double inverse_batch,
                const Targets& targets, const LossOptions& options, double* loss, std::uint8_t* correct, T* table);

}  // namespace dltonic::logic::cpu
