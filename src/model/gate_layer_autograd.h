/// A gate layer inside a LibTorch model: autograd around `logic`'s CPU kernels, which do all the arithmetic.
/// The leaf is c [gates][4], so its gradient is S, the four sums a gate (logic/gate.h): what ranks reduce, and what
/// logic's update turns into logit gradients.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>

#include "dltonic/logic/wiring_plan.h"

namespace dltonic::model {

/// What the kernels need of a layer's wiring. Shared by every graph that runs through the layer.
struct GateLayerPlan : torch::CustomClassHolder {
  /// grad_factor multiplies the gradient of the layer's input, not S. Throws DataError where the wiring does not fit.
  GateLayerPlan(const logic::Wiring& wiring, std::int64_t inputs, double grad_factor = 1);

  std::int64_t inputs, gates;
  double grad_factor;
  logic::Walk walk;
  logic::InverseIndex index;  ///< empty where the walk serves
};

/// y [gates][samples] of x [inputs][samples] in [0, 1] and c [gates][4], all float32 or all float64, on the CPU.
/// Differentiable once, in x and c. Throws c10::Error where shapes or types do not fit.
at::Tensor gate_layer(const at::Tensor& x, const at::Tensor& c, const c10::intrusive_ptr<GateLayerPlan>& plan);

}  // namespace dltonic::model
