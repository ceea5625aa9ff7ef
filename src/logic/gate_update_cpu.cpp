#include "dltonic/logic/gate_update.h"

#include <array>

#include "logic/simd.h"

namespace dltonic::logic::cpu {
namespace {

using simd::kLanes;
using simd::load;
using simd::Quad;
using simd::store;
using simd::Vec;

/// A gate's 16 logits in registers, and the mixture they stand for.
template <class T>
struct Raw {
  using V = Vec<T>;
  static constexpr int kParts = 16 / kLanes<T>;
  static constexpr int kLogits = 16;
  struct Values {
    V v[kParts];
    template <class Each>
    static Values of(Each each) {
      Values out;
      for (int i = 0; i < kParts; ++i) out.v[i] = each(i);
      return out;
    }
    V operator[](int i) const { return v[i]; }
    V& operator[](int i) { return v[i]; }
  };
  static Values load_from(const T* p) {
    return Values::of([&](int i) { return load<V>(p + i * kLanes<T>); });
  }
  static void store_to(T* p, const Values& x) {
    for (int i = 0; i < kParts; ++i) store(p + i * kLanes<T>, x[i]);
  }
  /// Columns of C.
  alignas(32) static constexpr auto kColumns = [] {
    std::array<std::array<T, 16>, 4> columns{};
    for (int id = 0; id < kGateKinds; ++id) {
      for (std::size_t k = 0; k < 4; ++k) columns[k][static_cast<std::size_t>(id)] = static_cast<T>(gate_row(id)[k]);
    }
    return columns;
  }();
  static V column(std::size_t k, int part) { return load<V>(kColumns[k].data() + part * kLanes<T>); }

  struct Mixture {
    Values w;   // softmax, not divided by `sum`
    Quad<T> c;  // divided
    T inverse;  // 1 / sum
  };
  static T total(V x) {
    const Quad<T> q = simd::fold(x);
    return (q[0] + q[1]) + (q[2] + q[3]);
  }
  static Mixture mixture(const Values& z, T inverse_temperature) {
    V top = z[0];
    for (int i = 1; i < kParts; ++i) top = z[i] > top ? z[i] : top;
    Quad<T> q;
    if constexpr (sizeof(T) == 4) {
      const Quad<T> low = __builtin_shufflevector(top, top, 0, 1, 2, 3), high = __builtin_shufflevector(top, top, 4, 5, 6, 7);
      q = low > high ? low : high;
    } else {
      q = top;
    }
    Quad<T> turned = __builtin_shufflevector(q, q, 2, 3, 0, 1);
    q = q > turned ? q : turned;
    turned = __builtin_shufflevector(q, q, 1, 0, 3, 2);
    q = q > turned ? q : turned;
    const T most = q[0];
    Mixture m;
    m.w = Values::of([&](int i) { return simd::exp<V>((z[i] - most) * inverse_temperature); });
    V columns[4]{};
    V sum{};
    for (int i = 0; i < kParts; ++i) {
      sum += m.w[i];
      for (int k = 0; k < 4; ++k) columns[k] += m.w[i] * column(static_cast<std::size_t>(k), i);
    }
    m.inverse = T{1} / total(sum);
    m.c = simd::sums<T>(columns[0], columns[1], columns[2], columns[3]) * m.inverse;
    return m;
  }
  static Values gradient(const Mixture& m, Quad<T> S, T inverse_temperature) {
    const Quad<T> product = m.c * S;
    const T mean = (product[0] + product[1]) + (product[2] + product[3]);
    const T scale = m.inverse * inverse_temperature;
    return Values::of([&](int i) {
      const V G = column(0, i) * S[0] + column(1, i) * S[1] + column(2, i) * S[2] + column(3, i) * S[3];
      return m.w[i] * scale * (G - mean);
    });
  }
};

/// The same for the 4 logits of the light parametrisation.
template <class T>
struct Light {
  using V = Quad<T>;
  static constexpr int kParts = 1;
  static constexpr int kLogits = 4;
  struct Values {
    V v;
    template <class Each>
    static Values of(Each each) {
      return {each(0)};
    }
    V operator[](int) const { return v; }
    V& operator[](int) { return v; }
  };
  static Values load_from(const T* p) { return {load<V>(p)}; }
  static void store_to(T* p, const Values& x) { store(p, x.v); }
  struct Mixture {
    V w;
    Quad<T> c;
  };
  static Mixture mixture(const Values& z, T inverse_temperature) {
    const V w = T{1} / (T{1} + simd::exp<V>(-z.v * inverse_temperature));
    return {w, V{w[0], w[2] - w[0], w[1] - w[0], w[0] - w[1] - w[2] + w[3]}};
  }
  static Values gradient(const Mixture& m, Quad<T> S, T inverse_temperature) {
    const V dw = {S[0] - S[1] - S[2] + S[3], S[2] - S[3], S[1] - S[3], S[3]};
    return {dw * m.w * (T{1} - m.w) * inverse_temperature};
  }
};

/// Calls work(kind of parametrisation) with Raw<T> or Light<T>.
template <class T, class Work>
void with(Parametrization p, Work work) {
  if (p == Parametrization::raw) work(Raw<T>{});
  else work(Light<T>{});
}

template <class T, auto kKind, class Gates>
void update(Gates, const T* S, std::int64_t gates, T temperature, const UpdateRule<T>& rule, T* z, T* m, T* v, T* c) {
  using Values = typename Gates::Values;
  using V = typename Gates::V;
  using Kind = typename UpdateRule<T>::Kind;
  const T inverse_temperature = T{1} / temperature;
  const UpdateRule<T> r = rule;
#pragma omp for schedule(static)
  for (std::int64_t n = 0; n < gates; ++n) {
    const auto at = static_cast<std::size_t>(n) * Gates::kLogits;
    const Values old = Gates::load_from(z + at);
    const Values dz = Gates::gradient(Gates::mixture(old, inverse_temperature), load<Quad<T>>(S + 4 * n), inverse_temperature);
    Values first = Gates::load_from(m + at), second;
    if constexpr (kKind != Kind::sgd) second = Gates::load_from(v + at);
    const Values z_new = Values::of([&](int i) {
      V g = dz[i];
      if constexpr (kKind != Kind::adamw) g += r.weight_decay * old[i];
      if constexpr (kKind == Kind::sgd) {
        first[i] = r.momentum * first[i] + g;
        return V(old[i] - r.rate * first[i]);
      } else {
        const V m_new = r.beta1 * first[i] + r.rest1 * g;
        const V v_new = r.beta2 * second[i] + r.rest2 * g * g;
        store(m + at + static_cast<std::size_t>(i) * (sizeof(V) / sizeof(T)), m_new);
        store(v + at + static_cast<std::size_t>(i) * (sizeof(V) / sizeof(T)), v_new);
        V from = old[i];
        if constexpr (kKind == Kind::adamw) from *= T{1} - r.rate * r.weight_decay;
        return V(from - r.step_size * m_new / (simd::root(v_new) * r.root_correction + r.epsilon));
      }
    });
    if constexpr (kKind == Kind::sgd) Gates::store_to(m + at, first);
    Gates::store_to(z + at, z_new);
    store(c + 4 * n, Gates::mixture(z_new, inverse_temperature).c);
  }
}

}  // namespace

template <class T>
void gate_coefficients(const T* z, std::int64_t gates, Parametrization p, T temperature, T* c) {
  with<T>(p, [&](auto kind) {
    using Gates = decltype(kind);
#pragma omp for schedule(static)
    for (std::int64_t n = 0; n < gates; ++n)
      store(c + 4 * n, Gates::mixture(Gates::load_from(z + n * Gates::kLogits), T{1} / temperature).c);
  });
}

template <class T>
void gate_decisions(const T* z, std::int64_t gates, Parametrization p, std::uint8_t* ids, T* c) {
#pragma omp for schedule(static)
  for (std::int64_t n = 0; n < gates; ++n) {
    const int id = hard_gate(z + n * logits_per_gate(p), p);
    ids[n] = static_cast<std::uint8_t>(id);
    if (c == nullptr) continue;
    const std::array<int, 4> row = gate_row(id);
    for (int k = 0; k < 4; ++k) c[4 * n + k] = static_cast<T>(row[static_cast<std::size_t>(k)]);
  }
}

template <class T>
void gate_logit_gradients(const T* z, const T* S, std::int64_t gates, Parametrization p, T temperature, T* dz) {
  const T inverse = T{1} / temperature;
  with<T>(p, [&](auto kind) {
    using Gates = decltype(kind);
#pragma omp for schedule(static)
    for (std::int64_t n = 0; n < gates; ++n) {
      const auto m = Gates::mixture(Gates::load_from(z + n * Gates::kLogits), inverse);
      Gates::store_to(dz + n * Gates::kLogits, Gates::gradient(m, load<Quad<T>>(S + 4 * n), inverse));
    }
  });
}

template <class T>
void gate_update(const T* S, std::int64_t gates, Parametrization p, T temperature, const UpdateRule<T>& rule, T* z, T* m, T* v,
                 T* c) {
  using Kind = typename UpdateRule<T>::Kind;
  with<T>(p, [&](auto kind) {
    switch (rule.kind) {
      case Kind::adam:
        update<T, Kind::adam>(kind, S, gates, temperature, rule, z, m, v, c);
        break;
      case Kind::adamw:
        update<T, Kind::adamw>(kind, S, gates, temperature, rule, z, m, v, c);
        break;
      case Kind::sgd:
        update<T, Kind::sgd>(kind, S, gates, temperature, rule, z, m, v, c);
        break;
    }
  });
}

#define DLTONIC_INSTANTIATE(T)                                                                     \
  template void gate_coefficients<T>(const T*, std::int64_t, Parametrization, T, T*);              \
  template void gate_decisions<T>(const T*, std::int64_t, Parametrization, std::uint8_t*, T*);     \
  template void gate_logit_gradients<T>(const T*, const T*, std::int64_t, Parametrization, T, T*); \
  template void gate_update<T>(const T*, std::int64_t, Parametrization, T, const UpdateRule<T>&, T*, T*, T*, T*);
DLTONIC_INSTANTIATE(float)
DLTONIC_INSTANTIATE(double)
#undef DLTONIC_INSTANTIATE

}  // namespace dltonic::logic::cpu
