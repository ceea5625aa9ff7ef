#include <algorithm>
#include <array>

#include "dltonic/logic/gate_layer.h"
#include "logic/simd.h"

namespace dltonic::logic::cpu {
namespace {

using simd::kLanes;
using simd::load;
using simd::store;
using simd::Vec;

constexpr int kBlock = 64;  // gates that a thread takes at once

/// Rows of a shuffled input lie anywhere, out of the hardware's sight: ask for those that are needed a few gates on.
/// (784 → 5 × 16,000, batch 100: a third less time.)
constexpr std::size_t kAhead = 8;
template <class T>
void prefetch(const T* row, int lanes) {
  for (int lane = 0; lane < lanes; lane += static_cast<int>(64 / sizeof(T))) __builtin_prefetch(row + lane);
}

/// Rows of floats: at(row) gives what `lanes(j)` reads the j-th vector from.
template <class T>
struct FloatRows {
  const T* x;
  std::size_t stride;
  struct Row {
    const T* p;
    Vec<T> operator()(int lane) const { return load<Vec<T>>(p + lane); }
  };
  Row at(std::int32_t row) const { return {x + static_cast<std::size_t>(row) * stride}; }
  void prefetch_for(const GateOrder& order, std::size_t k, int lanes) const {
    if (k >= order.gate.size()) return;
    prefetch(at(order.a[k]).p, lanes);
    prefetch(at(order.b[k]).p, lanes);
  }
};

/// Rows of bits, expanded to 0 and 1 in registers: an eighth or less of the traffic of a float row.
template <class T>
struct ExpandedRows {
  const std::uint8_t* x;
  std::size_t stride;  // bytes
  struct Row {
    const std::uint8_t* p;
    Vec<T> operator()(int lane) const {
      using Ints = simd::VecBits<T>;
      const auto byte = static_cast<std::remove_cvref_t<decltype(Ints{}[0])>>(p[lane / 8] >> (lane % 8));
      Ints bit, one;
      if constexpr (sizeof(T) == 4) bit = Ints{1, 2, 4, 8, 16, 32, 64, 128};
      else bit = Ints{1, 2, 4, 8};
      const Vec<T> ones = Vec<T>{} + T{1};
      std::memcpy(&one, &ones, sizeof one);
      const Ints value = ((byte & bit) == bit) & one;
      Vec<T> v;
      std::memcpy(&v, &value, sizeof v);
      return v;
    }
  };
  Row at(std::int32_t row) const { return {x + static_cast<std::size_t>(row) * stride}; }
  void prefetch_for(const GateOrder&, std::size_t, int) const {}  // a row is a few bytes
};
template <class T>
ExpandedRows<T> expanded(BitRows x) {
  return {reinterpret_cast<const std::uint8_t*>(x.words) + x.shift / 8, x.row_words * 8};
}

template <class T>
struct Coefficients {
  T c0, ca, cb, cab;
  Vec<T> operator()(Vec<T> a, Vec<T> b) const { return (cab * a + cb) * b + (ca * a + c0); }
};
template <class T>
Coefficients<T> coefficients(const T* c, std::int32_t gate) {
  const T* k = c + 4 * static_cast<std::size_t>(gate);
  return {k[0], k[1], k[2], k[3]};
}

template <class T>
const T* row_of(OutputGradient<T> dy, std::size_t stride, std::int32_t gate) {
  return dy.rows + static_cast<std::size_t>(dy.group == 1 ? gate : gate / dy.group) * stride;
}

template <class T, class Rows>
void forward(Rows x, Tile tile, const GateOrder& order, const T* c, T* y) {
  const auto gates = static_cast<std::int64_t>(order.gate.size());
#pragma omp for schedule(static)
  for (std::int64_t block = 0; block < (gates + kBlock - 1) / kBlock; ++block) {
    for (auto k = static_cast<std::size_t>(block * kBlock); k < static_cast<std::size_t>(std::min(gates, (block + 1) * kBlock));
         ++k) {
      const auto mix = coefficients(c, order.gate[k]);
      const auto a = x.at(order.a[k]), b = x.at(order.b[k]);
      x.prefetch_for(order, k + kAhead, tile.lanes);
      T* out = y + static_cast<std::size_t>(order.gate[k]) * tile.stride;
      for (int lane = 0; lane < tile.lanes; lane += kLanes<T>) store(out + lane, mix(a(lane), b(lane)));
    }
  }
}

template <class T, class Rows>
void scores(Rows x, Tile tile, const GateOrder& order, const T* c, int classes, T* parts) {
  const auto gates = static_cast<std::int64_t>(order.gate.size());
  const auto group = static_cast<std::int32_t>(gates / classes);
  const std::int64_t part_gates = gates_per_part(gates);
#pragma omp for schedule(static)
  for (std::int64_t part = 0; part < score_parts(gates); ++part) {
    T* out = parts + static_cast<std::size_t>(part) * static_cast<std::size_t>(classes) * tile.stride;
    std::fill_n(out, static_cast<std::size_t>(classes) * tile.stride, T{0});
    for (auto k = static_cast<std::size_t>(part * part_gates);
         k < static_cast<std::size_t>(std::min(gates, (part + 1) * part_gates)); ++k) {
      const auto mix = coefficients(c, order.gate[k]);
      const auto a = x.at(order.a[k]), b = x.at(order.b[k]);
      x.prefetch_for(order, k + kAhead, tile.lanes);
      T* sum = out + static_cast<std::size_t>(order.gate[k] / group) * tile.stride;
      for (int lane = 0; lane < tile.lanes; lane += kLanes<T>)
        store(sum + lane, load<Vec<T>>(sum + lane) + mix(a(lane), b(lane)));
    }
  }
}

/// The four sums of one gate while its row of gradients goes by.
template <class T>
struct FourSums {
  Vec<T> g{}, ga{}, gb{}, gab{};
  void add(Vec<T> dy, Vec<T> a, Vec<T> b) {
    const Vec<T> dya = dy * a;
    g += dy;
    ga += dya;
    gb += dy * b;
    gab += dya * b;
  }
  void add_to(T* S, std::int32_t gate) const {
    T* sum = S + 4 * static_cast<std::size_t>(gate);
    store(sum, load<simd::Quad<T>>(sum) + simd::sums<T>(g, ga, gb, gab));
  }
};

template <class T, class Rows>
void sums(Rows x, OutputGradient<T> dy, Tile tile, const GateOrder& order, T* S) {
  const auto gates = static_cast<std::int64_t>(order.gate.size());
#pragma omp for schedule(static)
  for (std::int64_t block = 0; block < (gates + kBlock - 1) / kBlock; ++block) {
    for (auto k = static_cast<std::size_t>(block * kBlock); k < static_cast<std::size_t>(std::min(gates, (block + 1) * kBlock));
         ++k) {
      const auto a = x.at(order.a[k]), b = x.at(order.b[k]);
      const T* g = row_of(dy, tile.stride, order.gate[k]);
      FourSums<T> four;
      for (int lane = 0; lane < tile.lanes; lane += kLanes<T>) four.add(load<Vec<T>>(g + lane), a(lane), b(lane));
      four.add_to(S, order.gate[k]);
    }
  }
}

}  // namespace

template <class T>
void gate_forward(const T* x, Tile tile, const GateOrder& order, const T* c, T* y) {
  forward(FloatRows<T>{x, tile.stride}, tile, order, c, y);
}
template <class T>
void gate_forward(BitRows x, Tile tile, const GateOrder& order, const T* c, T* y) {
  forward(expanded<T>(x), tile, order, c, y);
}
template <class T>
void gate_scores(const T* x, Tile tile, const GateOrder& order, const T* c, int classes, T* parts) {
  scores(FloatRows<T>{x, tile.stride}, tile, order, c, classes, parts);
}
template <class T>
void gate_scores(BitRows x, Tile tile, const GateOrder& order, const T* c, int classes, T* parts) {
  scores(expanded<T>(x), tile, order, c, classes, parts);
}
template <class T>
void gate_sums(const T* x, OutputGradient<T> dy, Tile tile, const GateOrder& order, T* S) {
  sums(FloatRows<T>{x, tile.stride}, dy, tile, order, S);
}
template <class T>
void gate_sums(BitRows x, OutputGradient<T> dy, Tile tile, const GateOrder& order, T* S) {
  sums(expanded<T>(x), dy, tile, order, S);
}

template <class T>
void gate_backward_walk(T* x, OutputGradient<T> dy, Tile tile, const Walk& walk, const T* c, T grad_factor, T* S, T* edges) {
  const GateOrder& order = walk.order;
  const auto segments = static_cast<std::int64_t>(walk.segments.size());
  const auto row = [&](std::int32_t i) { return x + static_cast<std::size_t>(i) * tile.stride; };
  // Neighbouring segments share an input row, and the rows are overwritten: keep first what a segment needs of its
  // neighbours, namely the share of the gate in front of it and the input behind it.
#pragma omp for schedule(static)
  for (std::int64_t s = 0; s < segments; ++s) {
    const Walk::Segment segment = walk.segments[static_cast<std::size_t>(s)];
    T* share = edges + static_cast<std::size_t>(2 * s) * tile.stride;
    const auto before = static_cast<std::size_t>(segment.before), last = static_cast<std::size_t>(segment.end - 1);
    const auto k = coefficients(c, order.gate[before]);
    const T cb = grad_factor * k.cb, cab = grad_factor * k.cab;
    const T* g = row_of(dy, tile.stride, order.gate[before]);
    const T* a = row(order.a[before]);
    for (int lane = 0; lane < tile.lanes; lane += kLanes<T>)
      store(share + lane, load<Vec<T>>(g + lane) * (cab * load<Vec<T>>(a + lane) + cb));
    std::copy_n(row(order.b[last]), tile.lanes, share + tile.stride);
  }
#pragma omp for schedule(static)
  for (std::int64_t s = 0; s < segments; ++s) {
    const Walk::Segment segment = walk.segments[static_cast<std::size_t>(s)];
    alignas(64) std::array<T, kTileLanes> share;  // of the last gate in the gradient of the input before us
    const T* edge = edges + static_cast<std::size_t>(2 * s) * tile.stride;
    std::copy_n(edge, tile.lanes, share.data());
    for (auto k = static_cast<std::size_t>(segment.begin); k < static_cast<std::size_t>(segment.end); ++k) {
      const std::int32_t gate = order.gate[k];
      const auto mix = coefficients(c, gate);
      const T ca = grad_factor * mix.ca, cb = grad_factor * mix.cb, cab = grad_factor * mix.cab;
      T* __restrict a = row(order.a[k]);
      const T* __restrict b = k + 1 == static_cast<std::size_t>(segment.end) ? edge + tile.stride : row(order.b[k]);
      const T* __restrict g = row_of(dy, tile.stride, gate);
      FourSums<T> four;
      if (k + kAhead < order.b.size()) prefetch(row(order.b[k + kAhead]), tile.lanes);
      for (int lane = 0; lane < tile.lanes; lane += kLanes<T>) {
        const Vec<T> ga = load<Vec<T>>(g + lane), va = load<Vec<T>>(a + lane), vb = load<Vec<T>>(b + lane);
        store(a + lane, ga * (cab * vb + ca) + load<Vec<T>>(share.data() + lane));
        store(share.data() + lane, ga * (cab * va + cb));
        four.add(ga, va, vb);
      }
      four.add_to(S, gate);
    }
  }
}

template <class T>
void gate_backward_general(const T* x, OutputGradient<T> dy, Tile tile, const InverseIndex& index, const T* c, T grad_factor,
                           T* S, T* dx) {
  const auto inputs = static_cast<std::int64_t>(index.begin.size()) - 1;
#pragma omp for schedule(static)
  for (std::int64_t m = 0; m < inputs; ++m) {
    const auto at = static_cast<std::size_t>(m);
    const T* __restrict a = x + at * tile.stride;
    T* __restrict out = dx + at * tile.stride;
    std::fill_n(out, tile.lanes, T{0});
    for (auto e = static_cast<std::size_t>(index.begin[at]); e < static_cast<std::size_t>(index.begin[at + 1]); ++e) {
      const InverseIndex::Entry entry = index.entries[e];
      const auto mix = coefficients(c, entry.gate);
      const bool is_b = entry.other < 0;
      const T* other = x + static_cast<std::size_t>(is_b ? ~entry.other : entry.other) * tile.stride;
      const T* g = row_of(dy, tile.stride, entry.gate);
      if (e + kAhead / 2 < index.entries.size()) {
        const InverseIndex::Entry ahead = index.entries[e + kAhead / 2];
        prefetch(x + static_cast<std::size_t>(ahead.other < 0 ? ~ahead.other : ahead.other) * tile.stride, tile.lanes);
        prefetch(row_of(dy, tile.stride, ahead.gate), tile.lanes);
      }
      const T own = grad_factor * (is_b ? mix.cb : mix.ca), cab = grad_factor * mix.cab;
      FourSums<T> four;
      for (int lane = 0; lane < tile.lanes; lane += kLanes<T>) {
        const Vec<T> vg = load<Vec<T>>(g + lane), vo = load<Vec<T>>(other + lane);
        store(out + lane, load<Vec<T>>(out + lane) + vg * (cab * vo + own));
        if (!is_b) four.add(vg, load<Vec<T>>(a + lane), vo);
      }
      if (!is_b) four.add_to(S, entry.gate);
    }
  }
}

#define DLTONIC_INSTANTIATE(T)                                                                        \
  template void gate_forward<T>(const T*, Tile, const GateOrder&, const T*, T*);                      \
  template void gate_forward<T>(BitRows, Tile, const GateOrder&, const T*, T*);                       \
  template void gate_scores<T>(const T*, Tile, const GateOrder&, const T*, int, T*);                  \
  template void gate_scores<T>(BitRows, Tile, const GateOrder&, const T*, int, T*);                   \
  template void gate_sums<T>(const T*, OutputGradient<T>, Tile, const GateOrder&, T*);                \
  template void gate_sums<T>(BitRows, OutputGradient<T>, Tile, const GateOrder&, T*);                 \
  template void gate_backward_walk<T>(T*, OutputGradient<T>, Tile, const Walk&, const T*, T, T*, T*); \
  template void gate_backward_general<T>(const T*, OutputGradient<T>, Tile, const InverseIndex&, const T*, T, T*, T*);
DLTONIC_INSTANTIATE(float)
DLTONIC_INSTANTIATE(double)
#undef DLTONIC_INSTANTIATE

}  // namespace dltonic::logic::cpu
