/// Vectors of 32 bytes by GCC's vector extensions (also clang's): the width is fixed, so results do not depend on what the
/// compiler makes of a loop. Loads and stores take any alignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX__)
#include <immintrin.h>
#else
#include <cmath>
#endif

namespace dltonic::logic::simd {

/// Written out by type: GCC drops the attribute from a vector of a dependent type that becomes a template argument.
template <class T>
struct Pack;
template <>
struct Pack<float> {
  typedef float Full __attribute__((vector_size(32)));
  typedef float Quad __attribute__((vector_size(16)));
  typedef std::int32_t FullBits __attribute__((vector_size(32)));
  typedef std::int32_t QuadBits __attribute__((vector_size(16)));
};
template <>
struct Pack<double> {
  typedef double Full __attribute__((vector_size(32)));
  typedef Full Quad;
  typedef std::int64_t FullBits __attribute__((vector_size(32)));
  typedef FullBits QuadBits;
};
/// 8 floats or 4 doubles.
template <class T>
constexpr int kLanes = static_cast<int>(32 / sizeof(T));
template <class T>
using Vec = typename Pack<T>::Full;
/// 4 lanes of either type.
template <class T>
using Quad = typename Pack<T>::Quad;
template <class T>
using VecBits = typename Pack<T>::FullBits;
typedef std::uint64_t Words __attribute__((vector_size(32)));

template <class V, class T>
inline V load(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class V, class T>
inline void store(T* p, V v) {
  std::memcpy(p, &v, sizeof v);
}

inline Quad<float> fold(Vec<float> v) {
  return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}
inline Quad<double> fold(Vec<double> v) { return v; }

/// (sum of a, sum of b, sum of c, sum of d), by a fixed tree.
template <class Q>
inline Q sums_of_quads(Q a, Q b, Q c, Q d) {
  const Q u = __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Q v = __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return __builtin_shufflevector(u, v, 0, 1, 4, 5) + __builtin_shufflevector(u, v, 2, 3, 6, 7);
}
template <class T>
inline Quad<T> sums(Vec<T> a, Vec<T> b, Vec<T> c, Vec<T> d) {
  return sums_of_quads<Quad<T>>(fold(a), fold(b), fold(c), fold(d));
}

/// Four rows that hold 4 × 4 matrices side by side (one of doubles, two of floats), each transposed. Its own inverse.
inline void transpose(Vec<double> (&r)[4]) {
  const Vec<double> a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6), b = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
  const Vec<double> c = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6), d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
  r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  r[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  r[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}
inline void transpose(Vec<float> (&r)[4]) {
  const Vec<float> a = __builtin_shufflevector(r[0], r[1], 0, 8, 1, 9, 4, 12, 5, 13),
                   b = __builtin_shufflevector(r[0], r[1], 2, 10, 3, 11, 6, 14, 7, 15);
  const Vec<float> c = __builtin_shufflevector(r[2], r[3], 0, 8, 1, 9, 4, 12, 5, 13),
                   d = __builtin_shufflevector(r[2], r[3], 2, 10, 3, 11, 6, 14, 7, 15);
  r[0] = __builtin_shufflevector(a, c, 0, 1, 8, 9, 4, 5, 12, 13);
  r[1] = __builtin_shufflevector(a, c, 2, 3, 10, 11, 6, 7, 14, 15);
  r[2] = __builtin_shufflevector(b, d, 0, 1, 8, 9, 4, 5, 12, 13);
  r[3] = __builtin_shufflevector(b, d, 2, 3, 10, 11, 6, 7, 14, 15);
}

#if defined(__AVX__)
inline Vec<float> root(Vec<float> v) { return _mm256_sqrt_ps(v); }
inline Vec<double> root(Vec<double> v) { return _mm256_sqrt_pd(v); }
#else
template <class V>
inline V root(V v) {
  for (std::size_t i = 0; i < sizeof(V) / sizeof(v[0]); ++i) v[i] = std::sqrt(v[i]);
  return v;
}
#endif

/// e^x without branches: x = n ln2 + r, |r| <= ln2/2, a Taylor polynomial of r, the exponent set by integer arithmetic.
/// Relative error below 3e-7 (float) and 1e-15 (double); x is clamped to +-87 and +-708, where results are normal numbers.
/// V: a vector of float or double.
template <class V>
inline V exp(V x) {
  using T = std::remove_cvref_t<decltype(x[0])>;
  using I = std::conditional_t<sizeof(V) == 32, typename Pack<T>::FullBits, typename Pack<T>::QuadBits>;
  constexpr bool kFloat = sizeof(T) == 4;
  constexpr T kMost = kFloat ? T(87) : T(708);
  constexpr T kRound = kFloat ? T(12582912.0) : T(6755399441055744.0);  // 1.5 * 2^mantissa: adding it rounds to an integer
  constexpr T kLog2E = T(1.4426950408889634);
  constexpr T kLn2High = kFloat ? T(0.693359375) : T(0.693145751953125),
              kLn2Low = kFloat ? T(-2.12194440054690583e-4) : T(1.42860682030941723212e-6);
  const V most = V{} + kMost;
  x = most < x ? most : x;  // in this order NaN stays NaN
  x = -most > x ? -most : x;
  const V shifted = x * kLog2E + kRound;
  const V n = shifted - kRound;
  const V r = (x - n * kLn2High) - n * kLn2Low;
  V p;
  if constexpr (kFloat) {
    p = V{} + T(1.0 / 5040);
    for (const T k : {T(1.0 / 720), T(1.0 / 120), T(1.0 / 24), T(1.0 / 6), T(0.5), T(1), T(1)}) p = p * r + k;
  } else {
    p = V{} + T(1.0 / 6227020800.0);
    for (const T k : {T(1.0 / 479001600.0), T(1.0 / 39916800.0), T(1.0 / 3628800.0), T(1.0 / 362880.0), T(1.0 / 40320.0),
                      T(1.0 / 5040.0), T(1.0 / 720.0), T(1.0 / 120.0), T(1.0 / 24.0), T(1.0 / 6.0), T(0.5), T(1), T(1)}) {
      p = p * r + k;
    }
  }
  I bits, exponent;
  std::memcpy(&bits, &p, sizeof bits);
  std::memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << (kFloat ? 23 : 52);  // the low bits of `shifted` are n; the rest leaves on the left
  std::memcpy(&p, &bits, sizeof p);
  return p;
}

}  // namespace dltonic::logic::simd
