// Vectors run across gates: a block of 8 (float) or 4 (double) gates is transposed, so that softmax, coefficients and dz
// are element-wise, without sums inside a vector. Logits and moments are read and written in their own layout, fours of one
// gate at a time; the optimiser works on these rows.
//
// Both parametrisations meet in p, the soft truth table (p00, p01, p10, p11): light has it as its sigmoids; raw as
// p_ab = sum of w_i over the gates i whose table is set there. With D = dL/dp the gradient of gate i's weight is the sum of
// D over its set entries.
#include "dltonic/logic/gate_update.h"

#include <algorithm>

#include "logic/gumbel.h"
#include "logic/simd.h"

namespace dltonic::logic::cpu {
namespace {

using simd::kLanes;
using simd::load;
using simd::Quad;
using simd::store;
using simd::Vec;

/// The rows of a block: row i holds four neighbouring values of gate i (double) or of gates 2i and 2i+1 (float).
/// `gate_size` values lie between gates.
template <class T>
struct Rows {
  using V = Vec<T>;
  V row[4];
};
inline void read(Rows<double>& rows, const double* p, std::size_t gate_size) {
  for (std::size_t i = 0; i < 4; ++i) rows.row[i] = load<Vec<double>>(p + i * gate_size);
}
inline void read(Rows<float>& rows, const float* p, std::size_t gate_size) {
  for (std::size_t i = 0; i < 4; ++i) {
    const auto low = load<Quad<float>>(p + 2 * i * gate_size), high = load<Quad<float>>(p + (2 * i + 1) * gate_size);
    rows.row[i] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
  }
}
inline void write(const Rows<double>& rows, double* p, std::size_t gate_size) {
  for (std::size_t i = 0; i < 4; ++i) store(p + i * gate_size, rows.row[i]);
}
inline void write(const Rows<float>& rows, float* p, std::size_t gate_size) {
  for (std::size_t i = 0; i < 4; ++i) {
    store(p + 2 * i * gate_size, __builtin_shufflevector(rows.row[i], rows.row[i], 0, 1, 2, 3));
    store(p + (2 * i + 1) * gate_size, __builtin_shufflevector(rows.row[i], rows.row[i], 4, 5, 6, 7));
  }
}
/// Four values of every gate of the block: value k is row[k], lanes are gates (the same order of gates in every use).
template <class T>
Rows<T> transposed(Rows<T> rows) {
  simd::transpose(rows.row);
  return rows;
}

/// 16 logits a gate.
template <class T>
struct Raw {
  using V = Vec<T>;
  static constexpr std::size_t kLogits = 16;
  Rows<T> w[4];  ///< softmax times its sum
  V p[4];
  V inverse;  ///< 1 / sum

  Raw(Rows<T> (&z)[4], T inverse_temperature) {
    for (Rows<T>& four : z) four = transposed(four);
    V top = z[0].row[0];
    for (const Rows<T>& four : z) {
      for (const V x : four.row) top = x > top ? x : top;
    }
    V of_four[4], odd{}, of_bit1{};
    for (int q = 0; q < 4; ++q) {
      V* e = w[q].row;
      for (int i = 0; i < 4; ++i) e[i] = simd::exp<V>((z[q].row[i] - top) * inverse_temperature);
      const V upper = e[2] + e[3];
      of_four[q] = (e[0] + e[1]) + upper;
      odd += e[1] + e[3];
      of_bit1 += upper;
    }
    const V p00 = of_four[2] + of_four[3];
    inverse = T{1} / ((of_four[0] + of_four[1]) + p00);
    p[0] = p00 * inverse;
    p[1] = (of_four[1] + of_four[3]) * inverse;
    p[2] = of_bit1 * inverse;
    p[3] = odd * inverse;
  }
  /// dz, in rows.
  void gradient(const V (&D)[4], T inverse_temperature, Rows<T> (&dz)[4]) const {
    const V mean = (p[0] * D[0] + p[1] * D[1]) + (p[2] * D[2] + p[3] * D[3]);
    const V scale = inverse * inverse_temperature;
    const V upper[4] = {-mean, D[1] - mean, D[0] - mean, (D[0] + D[1]) - mean}, lower[4] = {V{}, D[3], D[2], D[2] + D[3]};
    for (int q = 0; q < 4; ++q) {
      for (int i = 0; i < 4; ++i) dz[q].row[i] = w[q].row[i] * scale * (upper[q] + lower[i]);
      dz[q] = transposed(dz[q]);
    }
  }
};

/// 4 logits a gate: the truth table's own.
template <class T>
struct Light {
  using V = Vec<T>;
  static constexpr std::size_t kLogits = 4;
  V p[4];

  Light(Rows<T> (&z)[1], T inverse_temperature) {
    z[0] = transposed(z[0]);
    for (int i = 0; i < 4; ++i) p[i] = T{1} / (T{1} + simd::exp<V>(-z[0].row[i] * inverse_temperature));
  }
  void gradient(const V (&D)[4], T inverse_temperature, Rows<T> (&dz)[1]) const {
    for (int i = 0; i < 4; ++i) dz[0].row[i] = D[i] * p[i] * (T{1} - p[i]) * inverse_temperature;
    dz[0] = transposed(dz[0]);
  }
};

/// Work on the block of gates that starts at the given pointers.
template <class T, class Gates>
struct Block {
  using V = Vec<T>;
  static constexpr std::size_t kFours = Gates::kLogits / 4;
  T inverse_temperature;

  static void read_logits(const T* z, Rows<T> (&rows)[kFours]) {
    for (std::size_t q = 0; q < kFours; ++q) read(rows[q], z + 4 * q, Gates::kLogits);
  }
  /// c = (p00, p10-p00, p01-p00, p00-p01-p10+p11); spends `rows`.
  void coefficients(Rows<T> (&rows)[kFours], T* c) const {
    const Gates gates(rows, inverse_temperature);
    const auto& p = gates.p;
    const Rows<T> out{{p[0], p[2] - p[0], p[1] - p[0], (p[0] - p[1]) - (p[2] - p[3])}};
    write(transposed(out), c, 4);
  }
  /// dz in rows; spends `rows`.
  void gradient(Rows<T> (&rows)[kFours], const T* S, Rows<T> (&dz)[kFours]) const {
    Rows<T> sums;
    read(sums, S, 4);
    sums = transposed(sums);
    const V b_only = sums.row[2] - sums.row[3], a_only = sums.row[1] - sums.row[3];
    const V D[4] = {sums.row[0] - sums.row[1] - b_only, b_only, a_only, sums.row[3]};
    Gates(rows, inverse_temperature).gradient(D, inverse_temperature, dz);
  }
};

template <class T>
constexpr std::size_t kBlockGates = static_cast<std::size_t>(kLanes<T>);

/// Calls work(n) for every block of gates n … n+kBlockGates-1; the last gates, fewer than a block, are padded(n, count)'s.
template <class T, class Work, class Padded>
void each_block(std::int64_t gates, Work work, Padded padded) {
  constexpr auto kGates = static_cast<std::int64_t>(kBlockGates<T>);
#pragma omp for schedule(static)
  for (std::int64_t block = 0; block < (gates + kGates - 1) / kGates; ++block) {
    const std::int64_t n = block * kGates;
    if (gates - n >= kGates) work(static_cast<std::size_t>(n));
    else padded(static_cast<std::size_t>(n), static_cast<std::size_t>(gates - n));
  }
}

/// A short last block lives in a copy of its own while it is worked on.
template <class T, std::size_t kValues>
struct Copy {
  Copy(const T* from, std::size_t count) { std::copy_n(from, count * kValues, data); }
  void back(T* to, std::size_t count) const { std::copy_n(data, count * kValues, to); }
  T data[kValues * kBlockGates<T>] = {};
};

template <class V, class T>
V clipped(V g, T limit) {
  if (limit <= 0) return g;
  g = g > limit ? V{} + limit : g;
  return g < -limit ? V{} - limit : g;
}

template <class T, auto kKind, class Gates>
void update_block(const UpdateRule<T>& r, T inverse_temperature, const T* S, const T* seen, T* z, T* m, T* v, T* c) {
  using V = Vec<T>;
  using Kind = typename UpdateRule<T>::Kind;
  using B = Block<T, Gates>;
  const B block{inverse_temperature};
  Rows<T> logits[B::kFours], dz[B::kFours];
  B::read_logits(seen, logits);
  block.gradient(logits, S, dz);
  if (r.clip_value > 0 || r.scale != T{1}) {
    for (Rows<T>& four : dz) {
      for (V& g : four.row) g = clipped(g, r.clip_value) * r.scale;
    }
  }
  for (std::size_t q = 0; q < B::kFours; ++q) {
    Rows<T> old, first, second;
    read(old, z + 4 * q, Gates::kLogits);
    read(first, m + 4 * q, Gates::kLogits);
    if constexpr (kKind != Kind::sgd) read(second, v + 4 * q, Gates::kLogits);
    for (int i = 0; i < 4; ++i) {
      V g = dz[q].row[i];
      V& z_i = old.row[i];
      V& m_i = first.row[i];
      if constexpr (kKind == Kind::adamw) z_i *= T{1} - r.rate * r.weight_decay;
      else g += r.weight_decay * z_i;
      if constexpr (kKind == Kind::sgd) {
        m_i = r.momentum * m_i + g;
        z_i -= r.rate * m_i;
      } else {
        V& v_i = second.row[i];
        m_i = r.beta1 * m_i + r.rest1 * g;
        v_i = r.beta2 * v_i + r.rest2 * g * g;
        z_i -= r.step_size * m_i / (simd::root(v_i) * r.root_correction + r.epsilon);
      }
    }
    write(first, m + 4 * q, Gates::kLogits);
    if constexpr (kKind != Kind::sgd) write(second, v + 4 * q, Gates::kLogits);
    write(old, z + 4 * q, Gates::kLogits);
    logits[q] = old;
  }
  block.coefficients(logits, c);
}

template <class T, auto kKind, class Gates>
void update(const T* S, std::int64_t gates, T temperature, const UpdateRule<T>& rule, const T* seen, T* z, T* m, T* v, T* c) {
  constexpr std::size_t kLogits = Gates::kLogits;
  const T inverse = T{1} / temperature;
  each_block<T>(
      gates,
      [&](std::size_t n) {
        update_block<T, kKind, Gates>(rule, inverse, S + 4 * n, seen + kLogits * n, z + kLogits * n, m + kLogits * n,
                                      v + kLogits * n, c + 4 * n);
      },
      [&](std::size_t n, std::size_t count) {
        const Copy<T, kLogits> own_seen(seen + kLogits * n, count);
        Copy<T, kLogits> own_z(z + kLogits * n, count), own_m(m + kLogits * n, count), own_v(v + kLogits * n, count);
        Copy<T, 4> own_S(S + 4 * n, count), own_c(c + 4 * n, count);
        update_block<T, kKind, Gates>(rule, inverse, own_S.data, own_seen.data, own_z.data, own_m.data, own_v.data, own_c.data);
        own_z.back(z + kLogits * n, count);
        own_m.back(m + kLogits * n, count);
        own_v.back(v + kLogits * n, count);
        own_c.back(c + 4 * n, count);
      });
}

template <class T, class Gates>
void coefficients(const T* z, std::int64_t gates, T temperature, T* c) {
  using B = Block<T, Gates>;
  const B block{T{1} / temperature};
  const auto one = [&](const T* from, T* to) {
    Rows<T> rows[B::kFours];
    B::read_logits(from, rows);
    block.coefficients(rows, to);
  };
  each_block<T>(
      gates, [&](std::size_t n) { one(z + Gates::kLogits * n, c + 4 * n); },
      [&](std::size_t n, std::size_t count) {
        const Copy<T, Gates::kLogits> own_z(z + Gates::kLogits * n, count);
        Copy<T, 4> own_c(c + 4 * n, count);
        one(own_z.data, own_c.data);
        own_c.back(c + 4 * n, count);
      });
}

template <class T, class Gates>
void logit_gradients(const T* z, const T* S, std::int64_t gates, T temperature, T* dz) {
  using B = Block<T, Gates>;
  const B block{T{1} / temperature};
  const auto one = [&](const T* from, const T* sums, T* to) {
    Rows<T> rows[B::kFours], out[B::kFours];
    B::read_logits(from, rows);
    block.gradient(rows, sums, out);
    for (std::size_t q = 0; q < B::kFours; ++q) write(out[q], to + 4 * q, Gates::kLogits);
  };
  each_block<T>(
      gates, [&](std::size_t n) { one(z + Gates::kLogits * n, S + 4 * n, dz + Gates::kLogits * n); },
      [&](std::size_t n, std::size_t count) {
        const Copy<T, Gates::kLogits> own_z(z + Gates::kLogits * n, count);
        const Copy<T, 4> own_S(S + 4 * n, count);
        Copy<T, Gates::kLogits> own_dz(dz + Gates::kLogits * n, count);
        one(own_z.data, own_S.data, own_dz.data);
        own_dz.back(dz + Gates::kLogits * n, count);
      });
}

/// Sum of squares of a block's dz: lane by lane in T, the lanes in double.
template <class T, class Gates>
double squares_of_block(T inverse_temperature, const T* S, const T* seen, T clip_value) {
  using V = Vec<T>;
  using B = Block<T, Gates>;
  Rows<T> logits[B::kFours], dz[B::kFours];
  B::read_logits(seen, logits);
  B{inverse_temperature}.gradient(logits, S, dz);
  V sum{};
  for (const Rows<T>& four : dz) {
    for (const V row : four.row) {
      const V g = clipped(row, clip_value);
      sum += g * g;
    }
  }
  double total = 0;
  for (int lane = 0; lane < kLanes<T>; ++lane) total += static_cast<double>(sum[lane]);
  return total;
}

template <class T, class Gates>
void gradient_squares(const T* S, std::int64_t gates, T temperature, T clip_value, const T* seen, double* parts) {
  static_assert(kNormBlock % static_cast<std::int64_t>(kBlockGates<T>) == 0);
  constexpr std::size_t kLogits = Gates::kLogits;
  const T inverse = T{1} / temperature;
#pragma omp for schedule(static)
  for (std::int64_t first = 0; first < gates; first += kNormBlock) {
    double sum = 0;
    for (auto n = static_cast<std::size_t>(first); n < static_cast<std::size_t>(std::min(gates, first + kNormBlock));
         n += kBlockGates<T>) {
      const auto left = static_cast<std::size_t>(gates) - n;
      if (left >= kBlockGates<T>) {
        sum += squares_of_block<T, Gates>(inverse, S + 4 * n, seen + kLogits * n, clip_value);
      } else {  // what a padded gate's dz would be is 0: its S is
        const Copy<T, 4> own_S(S + 4 * n, left);
        const Copy<T, kLogits> own_seen(seen + kLogits * n, left);
        sum += squares_of_block<T, Gates>(inverse, own_S.data, own_seen.data, clip_value);
      }
    }
    parts[first / kNormBlock] = sum;
  }
}

}  // namespace

template <class T>
void gate_coefficients(const T* z, std::int64_t gates, Parametrization p, T temperature, T* c) {
  if (p == Parametrization::raw) coefficients<T, Raw<T>>(z, gates, temperature, c);
  else coefficients<T, Light<T>>(z, gates, temperature, c);
}

template <class T>
void gate_decisions(const T* z, std::int64_t gates, Parametrization p, std::uint8_t* ids, T* c) {
#pragma omp for schedule(static)
  for (std::int64_t n = 0; n < gates; ++n) {
    const int id = hard_gate(z + n * logits_per_gate(p), p);
    if (ids != nullptr) ids[n] = static_cast<std::uint8_t>(id);
    if (c == nullptr) continue;
    const std::array<int, 4> row = gate_row(id);
    for (int k = 0; k < 4; ++k) c[4 * n + k] = static_cast<T>(row[static_cast<std::size_t>(k)]);
  }
}

template <class T>
void gate_logit_gradients(const T* z, const T* S, std::int64_t gates, Parametrization p, T temperature, T* dz) {
  if (p == Parametrization::raw) logit_gradients<T, Raw<T>>(z, S, gates, temperature, dz);
  else logit_gradients<T, Light<T>>(z, S, gates, temperature, dz);
}

template <class T>
void gate_gradient_squares(const T* S, std::int64_t gates, Parametrization p, T temperature, T clip_value, const T* seen,
                           double* parts) {
  if (p == Parametrization::raw) gradient_squares<T, Raw<T>>(S, gates, temperature, clip_value, seen, parts);
  else gradient_squares<T, Light<T>>(S, gates, temperature, clip_value, seen, parts);
}

template <class T>
void gate_update(const T* S, std::int64_t gates, Parametrization p, T temperature, const UpdateRule<T>& rule, const T* seen,
                 T* z, T* m, T* v, T* c) {
  using Kind = typename UpdateRule<T>::Kind;
  const auto run = [&]<Kind kKind>() {
    if (p == Parametrization::raw) update<T, kKind, Raw<T>>(S, gates, temperature, rule, seen, z, m, v, c);
    else update<T, kKind, Light<T>>(S, gates, temperature, rule, seen, z, m, v, c);
  };
  switch (rule.kind) {
    case Kind::adam:
      run.template operator()<Kind::adam>();
      break;
    case Kind::adamw:
      run.template operator()<Kind::adamw>();
      break;
    case Kind::sgd:
      run.template operator()<Kind::sgd>();
      break;
  }
}

template <class T>
void add_gumbel(const T* z, std::int64_t gates, std::uint64_t seed, std::int64_t step, T* seen) {
#pragma omp for schedule(static)
  for (std::int64_t gate = 0; gate < gates; ++gate) {
    for (std::uint32_t four = 0; four < kGateKinds / 4; ++four) {
      const philox::Block words = gumbel_words(seed, step, static_cast<std::uint32_t>(gate), four);
      for (std::size_t i = 0; i < 4; ++i) {
        const std::size_t at = kGateKinds * static_cast<std::size_t>(gate) + 4 * four + i;
        seen[at] = z[at] + static_cast<T>(gumbel_from(words[i]));
      }
    }
  }
}

#define DLTONIC_INSTANTIATE(T)                                                                                              \
  template void gate_coefficients<T>(const T*, std::int64_t, Parametrization, T, T*);                                       \
  template void gate_decisions<T>(const T*, std::int64_t, Parametrization, std::uint8_t*, T*);                              \
  template void gate_logit_gradients<T>(const T*, const T*, std::int64_t, Parametrization, T, T*);                          \
  template void gate_update<T>(const T*, std::int64_t, Parametrization, T, const UpdateRule<T>&, const T*, T*, T*, T*, T*); \
  template void gate_gradient_squares<T>(const T*, std::int64_t, Parametrization, T, T, const T*, double*);                 \
  template void add_gumbel<T>(const T*, std::int64_t, std::uint64_t, std::int64_t, T*);
DLTONIC_INSTANTIATE(float)
DLTONIC_INSTANTIATE(double)
#undef DLTONIC_INSTANTIATE

}  // namespace dltonic::logic::cpu
