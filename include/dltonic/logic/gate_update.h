/// Kernels between logits and coefficients, over all gates of a network at once (layers concatenated). No batch here.
///   z, dz, moments [gates][16] (raw) or [gates][4] (light)     c, S [gates][4]
/// raw:   w = softmax(z/T), c = C^T w;  dz_i = (w_i/T) * ((C S)_i - c.S)
/// light: w_ij = sigmoid(z_ij/T), c = (w00, w10-w00, w01-w00, w00-w01-w10+w11);
///        dw = (S1-Sa-Sb+Sab, Sb-Sab, Sa-Sab, Sab) for (00, 01, 10, 11), dz = dw * w * (1-w) / T
/// w and c are the soft ones in dz, whatever the estimator. OpenMP as in gate_layer.h: orphaned worksharing.
#pragma once

#include <cstdint>

#include "dltonic/logic/gate.h"

namespace dltonic::logic::cpu {

/// c of the soft mixtures, written.
template <class T>
void gate_coefficients(const T* z, std::int64_t gates, Parametrization p, T temperature, T* c);

/// hard_gate of every gate: ids [gates] and the rows of C, c [gates][4]; either may be null.
template <class T>
void gate_decisions(const T* z, std::int64_t gates, Parametrization p, std::uint8_t* ids, T* c);

/// dz, written.
template <class T>
void gate_logit_gradients(const T* z, const T* S, std::int64_t gates, Parametrization p, T temperature, T* dz);

/// The constants of one optimiser step. Forms are those of PyTorch (torch.optim), so that results compare.
///   sgd:   m = momentum*m + g, z -= rate*m
///   adam:  m = beta1*m + (1-beta1)*g, v = beta2*v + (1-beta2)*g^2, z -= rate/(1-beta1^t) * m / (sqrt(v/(1-beta2^t)) + epsilon)
///   g = dz + weight_decay*z;  adamw: g = dz and z *= 1 - rate*weight_decay first
template <class T>
struct UpdateRule {
  enum class Kind : std::uint8_t { adam, adamw, sgd } kind = Kind::adam;
  T rate = 0, beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0, momentum = 0;
  T rest1 = 0, rest2 = 0;  ///< 1 - beta1, 1 - beta2: taken in double, for 1 - 0.999f is 1e-5 off
  T step_size = 0;         ///< rate / (1 - beta1^t)
  T root_correction = 0;   ///< 1 / sqrt(1 - beta2^t)
  T clip_value = 0;        ///< dz is brought into [-clip_value, clip_value] first; 0: as it is
  T scale = 1;             ///< and multiplied with this
};

/// S -> dz -> z, moments -> c in one pass: z, m, v are read and written once, c written (the soft one). dz is that of the
/// mixtures of `seen`: z itself, or what noise made of it in the forward pass.
template <class T>
void gate_update(const T* S, std::int64_t gates, Parametrization p, T temperature, const UpdateRule<T>& rule, const T* seen,
                 T* z, T* m, T* v, T* c);

/// Sum of dz^2 over each block of kNormBlock gates, dz brought into [-clip_value, clip_value] first (0: as it is): parts
/// [norm_parts(gates)], written. Their sum in order is the squared norm of the gradient, at any number of threads.
inline constexpr std::int64_t kNormBlock = 512;
constexpr std::size_t norm_parts(std::int64_t gates) { return static_cast<std::size_t>((gates + kNormBlock - 1) / kNormBlock); }
template <class T>
void gate_gradient_squares(const T* S, std::int64_t gates, Parametrization p, T temperature, T clip_value, const T* seen,
                           double* parts);

/// seen = z + the Gumbel noise of (seed, step, gate), written; gates number from 0 over the whole network.
template <class T>
void add_gumbel(const T* z, std::int64_t gates, std::uint64_t seed, std::int64_t step, T* seen);

}  // namespace dltonic::logic::cpu
