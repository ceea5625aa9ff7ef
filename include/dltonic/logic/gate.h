/// The algebra of one gate. Every two-input gate, and every mixture of gates, is
///   y = c0 + ca*a + cb*b + cab*a*b,
/// so a layer's kernels know four coefficients a gate and nothing of logits, and the four sums
///   S = dL/dc = (sum g, sum g*a, sum g*b, sum g*a*b)   over the batch, g = dL/dy,
/// are the whole weight gradient: what crosses ranks is S, 4 numbers a gate; dz follows from it without the batch.
/// Gate order: id = 8*t00 + 4*t01 + 2*t10 + t11, t_ab = output for (A=a, B=b), as in Petersen et al. 2022
/// (arXiv 2210.08277). "light": one logit an entry of the truth table (Rüttgers et al. 2025, arXiv 2510.03250).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dltonic::logic {

constexpr int kGateKinds = 16;

/// raw: 16 logits a gate, w = softmax(z/T). light: 4 logits, for the inputs 00, 01, 10, 11, w_ij = sigmoid(z_ij/T).
enum class Parametrization : std::uint8_t { raw, light };
constexpr int logits_per_gate(Parametrization p) { return p == Parametrization::raw ? 16 : 4; }

/// normal: standard normal logits. residual: every gate starts near "A" (raw: z[A] = 5, the others 0; light: +3 where A
/// is set, -3 elsewhere), which keeps gradients alive in deep networks (Petersen et al. 2024, arXiv 2411.04732).
enum class Initialization : std::uint8_t { normal, residual };

/// soft: mixtures forward and backward. hard: the most likely gate's row forward and for input gradients, so activations
/// are bits; logit gradients are those of the soft mixture (straight-through). gumbel (raw only): as hard, with the gate
/// drawn anew in each step by noise on the logits, in the soft mixture too (Yousefi et al. 2025, arXiv 2506.07500).
enum class Estimator : std::uint8_t { soft, hard, gumbel };

/// Words of the configuration; throw ConfigError for another word.
Parametrization parametrization_from(const std::string& word);
Initialization initialization_from(const std::string& word);
Estimator estimator_from(const std::string& word);

/// Output of gate `id` for (a, b).
constexpr bool gate_output(int id, bool a, bool b) { return (id >> (3 - 2 * static_cast<int>(a) - static_cast<int>(b))) & 1; }

/// Row `id` of the coefficient matrix C: (c0, ca, cb, cab).
constexpr std::array<int, 4> gate_row(int id) {
  const int t00 = gate_output(id, false, false), t01 = gate_output(id, false, true);
  const int t10 = gate_output(id, true, false), t11 = gate_output(id, true, true);
  return {t00, t10 - t00, t01 - t00, t00 - t01 - t10 + t11};
}

/// "FALSE", "AND", ..., "TRUE".
std::string_view gate_name(int id);

/// The gate that a gate's logits stand for when it is read hard. raw: the (first) largest logit. light: the truth table
/// whose entries are set where w_ij > 0.5.
template <class T>
constexpr int hard_gate(const T* z, Parametrization p) {
  if (p == Parametrization::light) return 8 * (z[0] > 0) + 4 * (z[1] > 0) + 2 * (z[2] > 0) + (z[3] > 0);
  int best = 0;
  for (int i = 1; i < kGateKinds; ++i) {
    if (z[i] > z[best]) best = i;
  }
  return best;
}

/// First logits of one gate, z[logits_per_gate(p)]: a function of (seed, layer, gate) alone.
template <class T>
void initial_logits(T* z, Parametrization p, Initialization how, std::uint64_t seed, std::uint32_t layer, std::uint32_t gate);

}  // namespace dltonic::logic
