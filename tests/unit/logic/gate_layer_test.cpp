// Every kernel of a layer against a plain loop in double: chains, cycles, a == b, fan-outs from 0 up, odd widths.
#include "dltonic/logic/gate_layer.h"

#include <gtest/gtest.h>

#include "dltonic/core/bits.h"
#include "dltonic/core/random.h"

namespace dltonic::logic::cpu {
namespace {

struct LayerCase {
  const char* name;
  int inputs;
  Wiring wiring;
};
void PrintTo(const LayerCase& c, std::ostream* out) { *out << c.name; }

std::vector<LayerCase> layer_cases() {
  std::vector<LayerCase> cases = {
      {"one cycle", 1000, make_wiring(WiringKind::chain, 1000, 1000, 1, 1, false)},
      {"one cycle, shuffled", 530, make_wiring(WiringKind::chain, 530, 530, 1, 1, true)},
      {"short cycle", 3, make_wiring(WiringKind::chain, 3, 3, 1, 1, false)},
      {"several cycles and a == b", 6, {{3, 0, 5, 4, 1, 2}, {4, 1, 5, 2, 0, 3}}},
      {"random", 70, make_wiring(WiringKind::random, 70, 90, 1, 1, false)},
      {"unique", 40, make_wiring(WiringKind::unique, 40, 390, 1, 1, false)},
      {"more inputs than gates", 100, make_wiring(WiringKind::chain, 100, 30, 1, 1, false)},
      {"a == b, fan-outs 0 to 5", 7, {{1, 1, 2, 3, 3, 1, 6, 6, 0, 2}, {1, 3, 2, 1, 4, 1, 4, 6, 0, 1}}},
  };
  return cases;
}

/// One layer with random activations, coefficients and output gradients, and what a plain loop makes of them.
template <class T>
struct Problem {
  Problem(const LayerCase& c, int lanes_, std::int32_t group_, bool bits_only)
      : wiring(c.wiring),
        inputs(c.inputs),
        lanes((lanes_ + kLaneUnit - 1) / kLaneUnit * kLaneUnit),
        group(group_),
        tile{static_cast<std::size_t>(lanes + 8), lanes},
        x(static_cast<std::size_t>(inputs) * tile.stride),
        coefficients(4 * wiring.gates()),
        dy(wiring.gates() / static_cast<std::size_t>(group) * tile.stride),
        bits(static_cast<std::size_t>(inputs), 16 + static_cast<std::size_t>(lanes)) {
    Random random(3, Use::test);
    for (int f = 0; f < inputs; ++f) {
      for (int s = 0; s < lanes; ++s) {
        const bool bit = random.below(2) == 1;
        if (bit) bits.set(static_cast<std::size_t>(f), 16 + static_cast<std::size_t>(s));
        x[at(f, s)] = bits_only ? static_cast<T>(bit) : static_cast<T>(random.uniform());
      }
    }
    for (T& value : coefficients) value = static_cast<T>(random.uniform()) - T(0.5);
    for (int n = 0; n < static_cast<int>(wiring.gates()) / group; ++n) {
      for (int s = 0; s < lanes_; ++s) dy[at(n, s)] = static_cast<T>(random.uniform()) - T(0.5);  // 0 past the batch
    }
  }
  std::size_t at(int row, int lane) const {
    return static_cast<std::size_t>(row) * tile.stride + static_cast<std::size_t>(lane);
  }
  double c(std::size_t gate, int k) const { return coefficients[4 * gate + static_cast<std::size_t>(k)]; }
  double y(std::size_t n, int s) const {
    const double a = x[at(wiring.a[n], s)], b = x[at(wiring.b[n], s)];
    return c(n, 0) + c(n, 1) * a + c(n, 2) * b + c(n, 3) * a * b;
  }
  std::vector<double> expected_sums() const {
    std::vector<double> S(4 * wiring.gates());
    for (std::size_t n = 0; n < wiring.gates(); ++n) {
      for (int s = 0; s < lanes; ++s) {
        const double a = x[at(wiring.a[n], s)], b = x[at(wiring.b[n], s)], g = dy[at(static_cast<int>(n) / group, s)];
        S[4 * n] += g;
        S[4 * n + 1] += g * a;
        S[4 * n + 2] += g * b;
        S[4 * n + 3] += g * a * b;
      }
    }
    return S;
  }
  std::vector<double> expected_dx(double factor) const {
    std::vector<double> dx(x.size());
    for (std::size_t n = 0; n < wiring.gates(); ++n) {
      for (int s = 0; s < lanes; ++s) {
        const double a = x[at(wiring.a[n], s)], b = x[at(wiring.b[n], s)], g = factor * dy[at(static_cast<int>(n) / group, s)];
        dx[at(wiring.a[n], s)] += g * (c(n, 1) + c(n, 3) * b);
        dx[at(wiring.b[n], s)] += g * (c(n, 2) + c(n, 3) * a);
      }
    }
    return dx;
  }
  BitRows bit_rows() const { return {bits.words().data(), bits.row_words(), 16}; }
  OutputGradient<T> gradient() const { return {dy.data(), group}; }
  void expect_sums(const std::vector<T>& S, double start) const {
    const std::vector<double> expected = expected_sums();
    for (std::size_t i = 0; i < S.size(); ++i)
      ASSERT_NEAR(S[i], start + expected[i], kBound) << "gate " << i / 4 << " sum " << i % 4;
  }
  void expect_dx(const std::vector<T>& dx, double factor) const {
    const std::vector<double> expected = expected_dx(factor);
    for (int f = 0; f < inputs; ++f) {
      for (int s = 0; s < lanes; ++s) ASSERT_NEAR(dx[at(f, s)], expected[at(f, s)], kBound) << "input " << f << " lane " << s;
    }
  }
  static constexpr double kBound = sizeof(T) == 4 ? 2e-5 : 1e-12;

  Wiring wiring;
  int inputs, lanes;
  std::int32_t group;
  Tile tile;
  std::vector<T> x, coefficients, dy;
  BitMatrix bits;  // the same as x where bits_only, from bit 16 on
};

class GateLayer : public testing::TestWithParam<std::tuple<LayerCase, int>> {
 protected:
  template <class T>
  void check() {
    const auto& [layer, lanes] = GetParam();
    const Walk walk = make_walk(layer.wiring, layer.inputs);
    const InverseIndex index = make_inverse_index(layer.wiring, layer.inputs);
    for (const bool bits : {false, true}) {
      const auto gates = static_cast<std::int32_t>(layer.wiring.gates());
      for (const std::int32_t group : {1, gates % 5 == 0 ? gates / 5 : gates}) {
        const Problem<T> p(layer, lanes, group, bits);
        std::vector<T> y(layer.wiring.gates() * p.tile.stride), S(4 * layer.wiring.gates(), T(0.25)), dx(p.x.size(), T(9));
        const auto expect_y = [&] {
          for (std::size_t n = 0; n < layer.wiring.gates(); ++n) {
            for (int s = 0; s < p.lanes; ++s) ASSERT_NEAR(y[p.at(static_cast<int>(n), s)], p.y(n, s), p.kBound);
          }
        };
        gate_forward(p.x.data(), p.tile, walk.order, p.coefficients.data(), y.data());
        expect_y();
        gate_sums(p.x.data(), p.gradient(), p.tile, walk.order, S.data());
        p.expect_sums(S, 0.25);
        if (bits) {
          std::fill(y.begin(), y.end(), T(7));
          gate_forward(p.bit_rows(), p.tile, walk.order, p.coefficients.data(), y.data());
          expect_y();
          std::fill(S.begin(), S.end(), T(-1));
          gate_sums(p.bit_rows(), p.gradient(), p.tile, walk.order, S.data());
          p.expect_sums(S, -1);
        }
        std::fill(S.begin(), S.end(), T(0));
        gate_backward_general(p.x.data(), p.gradient(), p.tile, index, p.coefficients.data(), T(0.5), S.data(), dx.data());
        p.expect_sums(S, 0);
        p.expect_dx(dx, 0.5);
        if (!walk.segments.empty()) {
          std::fill(S.begin(), S.end(), T(2));
          std::vector<T> x = p.x, edges(2 * walk.segments.size() * p.tile.stride);
          gate_backward_walk(x.data(), p.gradient(), p.tile, walk, p.coefficients.data(), T(2), S.data(), edges.data());
          p.expect_sums(S, 2);
          p.expect_dx(x, 2);
        }
        if (group > 1) expect_scores(p, walk);
      }
    }
  }
  template <class T>
  void expect_scores(const Problem<T>& p, const Walk& walk) {
    const auto gates = static_cast<std::int64_t>(p.wiring.gates());
    const int classes = static_cast<int>(gates / p.group);
    std::vector<T> parts(static_cast<std::size_t>(score_parts(gates) * classes) * p.tile.stride);
    gate_scores(p.x.data(), p.tile, walk.order, p.coefficients.data(), classes, parts.data());
    for (int k = 0; k < classes; ++k) {
      for (int s = 0; s < p.lanes; ++s) {
        double expected = 0, got = 0;
        for (int n = k * p.group; n < (k + 1) * p.group; ++n) expected += p.y(static_cast<std::size_t>(n), s);
        for (int part = 0; part < score_parts(gates); ++part) got += parts[p.at(part * classes + k, s)];
        ASSERT_NEAR(got, expected, 10 * p.kBound);
      }
    }
  }
};

TEST_P(GateLayer, MatchesAPlainLoopInFloat) { check<float>(); }
TEST_P(GateLayer, MatchesAPlainLoopInDouble) { check<double>(); }
INSTANTIATE_TEST_SUITE_P(Cases, GateLayer, testing::Combine(testing::ValuesIn(layer_cases()), testing::Values(1, 8, 36, 64)));

}  // namespace
}  // namespace dltonic::logic::cpu
