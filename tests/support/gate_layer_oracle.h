/// The plain LibTorch expression of a gate layer and of a whole network, by gathers, with autograd's own derivatives: the
/// oracle that kernels are tested against and the thing that benchmarks have to beat. Slow to compile; nothing but ATen.
#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cstdint>
#include <vector>

#include "dltonic/logic/gate.h"
#include "dltonic/logic/wiring.h"

namespace dltonic::oracle {

inline at::Tensor indices(const std::vector<std::int32_t>& values) {
  const std::vector<std::int64_t> wide(values.begin(), values.end());
  return at::tensor(wide, at::kLong);
}

/// Coefficients c [gates][4] of logits z [gates][16 | 4].
inline at::Tensor coefficients(const at::Tensor& z, logic::Parametrization parametrization, double temperature = 1) {
  if (parametrization == logic::Parametrization::raw) {
    std::vector<double> rows;
    for (int id = 0; id < logic::kGateKinds; ++id) {
      for (const int entry : logic::gate_row(id)) rows.push_back(entry);
    }
    return at::softmax(z / temperature, 1)
        .matmul(at::tensor(rows, z.options().requires_grad(false)).view({logic::kGateKinds, 4}));
  }
  const std::vector<at::Tensor> w = at::sigmoid(z / temperature).unbind(1);  // outputs for inputs 00, 01, 10, 11
  return at::stack({w[0], w[2] - w[0], w[1] - w[0], w[0] - w[1] - w[2] + w[3]}, 1);
}

/// A layer by its four coefficients: x [samples][inputs] → [samples][gates].
inline at::Tensor gate_layer(const at::Tensor& x, const logic::Wiring& wiring, const at::Tensor& c) {
  const at::Tensor a = x.index_select(1, indices(wiring.a)), b = x.index_select(1, indices(wiring.b));
  const std::vector<at::Tensor> k = c.unbind(1);
  return k[0] + k[1] * a + k[2] * b + k[3] * (a * b);
}

/// The same as the mixture of the sixteen gates that it is defined as, each by its own real-valued formula
/// (Petersen et al. 2022, table 1): shares no algebra with the kernels. w [gates][16].
inline at::Tensor sixteen_gates(const at::Tensor& x, const logic::Wiring& wiring, const at::Tensor& w) {
  const at::Tensor a = x.index_select(1, indices(wiring.a)), b = x.index_select(1, indices(wiring.b));
  const at::Tensor one = at::ones_like(a), ab = a * b;
  const std::vector<at::Tensor> gates{at::zeros_like(a),
                                      ab,
                                      a - ab,
                                      a,
                                      b - ab,
                                      b,
                                      a + b - 2 * ab,
                                      a + b - ab,
                                      one - (a + b - ab),
                                      one - (a + b - 2 * ab),
                                      one - b,
                                      one - b + ab,
                                      one - a,
                                      one - a + ab,
                                      one - ab,
                                      one};
  at::Tensor y = at::zeros_like(a);
  for (std::int64_t id = 0; id < logic::kGateKinds; ++id) y = y + w.select(1, id) * gates[static_cast<std::size_t>(id)];
  return y;
}

/// GroupSum: y [samples][gates] → class scores [samples][classes].
inline at::Tensor group_sum(const at::Tensor& y, std::int64_t classes, double tau) {
  return y.view({y.size(0), classes, -1}).sum(2) / tau;
}

}  // namespace dltonic::oracle
