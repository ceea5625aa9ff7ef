#include "model/gate_layer_autograd.h"

#include <ATen/Dispatch.h>
#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "dltonic/logic/gate_layer.h"

namespace dltonic::model {
namespace {

namespace cpu = logic::cpu;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows padded with zeros to whole lane units, contiguous, and the caller's own: kernels may write into it.
at::Tensor padded(const at::Tensor& rows) {
  const std::int64_t lanes = (rows.size(1) + cpu::kLaneUnit - 1) / cpu::kLaneUnit * cpu::kLaneUnit;
  at::Tensor copy = at::zeros({rows.size(0), lanes}, rows.options().requires_grad(false));
  copy.narrow(1, 0, rows.size(1)).copy_(rows);
  return copy;
}

/// work(first lane, tile) for each tile of samples.
template <class Work>
void for_each_tile(std::int64_t lanes, Work&& work) {
  for (std::int64_t first = 0; first < lanes; first += cpu::kTileLanes)
    work(first,
         cpu::Tile{static_cast<std::size_t>(lanes), static_cast<int>(std::min<std::int64_t>(cpu::kTileLanes, lanes - first))});
}

template <class T>
at::Tensor forward(const GateLayerPlan& plan, const at::Tensor& x, const at::Tensor& c) {
  const at::Tensor in = padded(x), coefficients = c.contiguous();
  at::Tensor y = at::empty({plan.gates, in.size(1)}, in.options());
  const T *px = in.const_data_ptr<T>(), *pc = coefficients.const_data_ptr<T>();
  T* py = y.mutable_data_ptr<T>();
  for_each_tile(in.size(1), [&](std::int64_t first, cpu::Tile tile) {
#pragma omp parallel
    cpu::gate_forward(px + first, tile, plan.walk.order, pc, py + first);
  });
  return y.narrow(1, 0, x.size(1)).contiguous();
}

/// {dx (undefined where it is not wanted), S}
template <class T>
variable_list backward(const GateLayerPlan& plan, const at::Tensor& x, const at::Tensor& c, const at::Tensor& grad,
                       bool want_dx) {
  at::Tensor in = padded(x);
  const at::Tensor dy = padded(grad), coefficients = c.contiguous();
  at::Tensor sums = at::zeros({plan.gates, 4}, in.options()), dx, edges;
  const bool walks = !plan.walk.segments.empty();
  if (want_dx && walks) edges = at::empty({2 * static_cast<std::int64_t>(plan.walk.segments.size()), in.size(1)}, in.options());
  if (want_dx && !walks) dx = at::empty_like(in);
  T *px = in.mutable_data_ptr<T>(), *ps = sums.mutable_data_ptr<T>();
  T* pe = edges.defined() ? edges.mutable_data_ptr<T>() : nullptr;
  T* pdx = dx.defined() ? dx.mutable_data_ptr<T>() : nullptr;
  const T *pdy = dy.const_data_ptr<T>(), *pc = coefficients.const_data_ptr<T>();
  const T factor = static_cast<T>(plan.grad_factor);
  for_each_tile(in.size(1), [&](std::int64_t first, cpu::Tile tile) {
    const cpu::OutputGradient<T> g{pdy + first, 1};
#pragma omp parallel
    {
      if (!want_dx) cpu::gate_sums<T>(px + first, g, tile, plan.walk.order, ps);
      else if (walks) cpu::gate_backward_walk<T>(px + first, g, tile, plan.walk, pc, factor, ps, pe);
      else cpu::gate_backward_general<T>(px + first, g, tile, plan.index, pc, factor, ps, pdx + first);
    }
  });
  if (want_dx && walks) dx = in;  // the walk leaves the gradient where the input was
  if (want_dx) dx = dx.narrow(1, 0, x.size(1));
  return {dx, sums};
}

struct GateLayerFunction : torch::autograd::Function<GateLayerFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& c,
                            const c10::intrusive_ptr<GateLayerPlan>& plan) {
    ctx->save_for_backward({x, c});
    ctx->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gate_layer", [&] { return model::forward<scalar_t>(*plan, x, c); });
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "gate_layer: its gradients can't be differentiated again (create_graph)");
    const variable_list saved = ctx->get_saved_variables();
    const auto holder = ctx->saved_data["plan"].toCapsule();
    const auto& plan = static_cast<const GateLayerPlan&>(*holder);
    const at::Tensor &x = saved[0], &c = saved[1];
    variable_list result = AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gate_layer", [&] {
      return model::backward<scalar_t>(plan, x, c, gradients[0], ctx->needs_input_grad(0));
    });
    result.emplace_back();  // the plan has no gradient
    return result;
  }
};

}  // namespace

GateLayerPlan::GateLayerPlan(const logic::Wiring& wiring, std::int64_t inputs_, double grad_factor_)
    : inputs(inputs_), gates(static_cast<std::int64_t>(wiring.gates())), grad_factor(grad_factor_) {
  logic::check_wiring(wiring, inputs);
  walk = logic::make_walk(wiring, inputs);
  if (walk.segments.empty()) index = logic::make_inverse_index(wiring, inputs);
}

at::Tensor gate_layer(const at::Tensor& x, const at::Tensor& c, const c10::intrusive_ptr<GateLayerPlan>& plan) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) == plan->inputs, "gate_layer: x is ", x.sizes(), ", but the layer reads [",
              plan->inputs, ", samples]");
  TORCH_CHECK(c.dim() == 2 && c.size(0) == plan->gates && c.size(1) == 4, "gate_layer: c is ", c.sizes(),
              ", but the layer needs [", plan->gates, ", 4]");
  TORCH_CHECK(x.scalar_type() == c.scalar_type(), "gate_layer: x is ", x.scalar_type(), ", but c is ", c.scalar_type());
  TORCH_CHECK(x.is_cpu() && c.is_cpu(), "gate_layer: x is on ", x.device(), " and c on ", c.device(),
              ", but the kernels are the CPU's");
  return GateLayerFunction::apply(x, c, plan);
}

}  // namespace dltonic::model
