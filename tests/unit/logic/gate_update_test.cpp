// Coefficients, logit gradients and the optimisers against closed forms in double.
#include "dltonic/logic/gate_update.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dltonic/core/random.h"

namespace dltonic::logic::cpu {
namespace {

std::vector<double> reference_coefficients(const double* z, Parametrization p, double temperature) {
  std::vector<double> w, c(4);
  if (p == Parametrization::light) {
    for (int i = 0; i < 4; ++i) w.push_back(1 / (1 + std::exp(-z[i] / temperature)));
    return {w[0], w[2] - w[0], w[1] - w[0], w[0] - w[1] - w[2] + w[3]};
  }
  double sum = 0;
  for (int i = 0; i < 16; ++i) sum += std::exp(z[i] / temperature);
  for (int i = 0; i < 16; ++i) {
    for (int k = 0; k < 4; ++k)
      c[static_cast<std::size_t>(k)] += std::exp(z[i] / temperature) / sum * gate_row(i)[static_cast<std::size_t>(k)];
  }
  return c;
}

struct Setting {
  Parametrization p;
  double temperature;
};
void PrintTo(const Setting& s, std::ostream* out) { *out << logits_per_gate(s.p) << " logits, T " << s.temperature; }

class GateUpdate : public testing::TestWithParam<Setting> {
 protected:
  static constexpr int kGates = 37;  // not a multiple of any vector
  int n() const { return logits_per_gate(GetParam().p); }
  std::vector<double> draw(std::size_t count, double scale, std::uint32_t key) const {
    Random random(1, Use::test, key);
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(scale * random.normal());
    return values;
  }
  std::vector<double> z_ = draw(static_cast<std::size_t>(kGates * n()), 2, 1), S_ = draw(4 * kGates, 0.3, 2);

  /// dL/dz where dL/dc = S, by central differences of the reference coefficients.
  double reference_gradient(std::size_t logit) const {
    const std::size_t gate = logit / static_cast<std::size_t>(n());
    const auto loss = [&](double step) {
      std::vector<double> z(z_.begin() + static_cast<std::ptrdiff_t>(gate) * n(),
                            z_.begin() + static_cast<std::ptrdiff_t>(gate + 1) * n());
      z[logit % static_cast<std::size_t>(n())] += step;
      const std::vector<double> c = reference_coefficients(z.data(), GetParam().p, GetParam().temperature);
      return c[0] * S_[4 * gate] + c[1] * S_[4 * gate + 1] + c[2] * S_[4 * gate + 2] + c[3] * S_[4 * gate + 3];
    };
    return (loss(1e-5) - loss(-1e-5)) / 2e-5;
  }

  template <class T>
  void check_optimizer(typename UpdateRule<T>::Kind kind, double bound) {
    const double rate = 0.02, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, decay = 0.1, momentum = 0.8;
    using Kind = typename UpdateRule<T>::Kind;
    std::vector<double> z = z_, m(z.size()), v(z.size()), dz(z.size());
    std::vector<T> tz(z.begin(), z.end()), tm(z.size()), tv(z.size()), tc(4 * kGates), tS(S_.begin(), S_.end());
    for (int step = 1; step <= 4; ++step) {
      gate_logit_gradients(z.data(), S_.data(), kGates, GetParam().p, GetParam().temperature, dz.data());
      for (std::size_t i = 0; i < z.size(); ++i) {  // the text-book forms
        double g = dz[i];
        if (kind == Kind::adamw) z[i] -= rate * decay * z[i];
        else g += decay * z[i];
        if (kind == Kind::sgd) {
          m[i] = momentum * m[i] + g;
          z[i] -= rate * m[i];
          continue;
        }
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        z[i] -= rate * (m[i] / (1 - std::pow(beta1, step))) / (std::sqrt(v[i] / (1 - std::pow(beta2, step))) + epsilon);
      }
      UpdateRule<T> rule;
      rule.kind = kind;
      rule.rate = static_cast<T>(rate);
      rule.beta1 = static_cast<T>(beta1);
      rule.beta2 = static_cast<T>(beta2);
      rule.rest1 = static_cast<T>(1 - beta1);
      rule.rest2 = static_cast<T>(1 - beta2);
      rule.epsilon = static_cast<T>(epsilon);
      rule.weight_decay = static_cast<T>(decay);
      rule.momentum = static_cast<T>(momentum);
      rule.step_size = static_cast<T>(rate / (1 - std::pow(beta1, step)));
      rule.root_correction = static_cast<T>(1 / std::sqrt(1 - std::pow(beta2, step)));
      gate_update(tS.data(), kGates, GetParam().p, static_cast<T>(GetParam().temperature), rule, tz.data(), tz.data(),
                  tm.data(), tv.data(), tc.data());
    }
    for (std::size_t i = 0; i < z.size(); ++i) ASSERT_NEAR(tz[i], z[i], bound) << i;
    for (std::size_t gate = 0; gate < kGates; ++gate) {
      const std::vector<double> c =
          reference_coefficients(&z[gate * static_cast<std::size_t>(n())], GetParam().p, GetParam().temperature);
      for (std::size_t k = 0; k < 4; ++k) ASSERT_NEAR(tc[4 * gate + k], c[k], bound);
    }
  }
};

TEST_P(GateUpdate, Coefficients) {
  std::vector<double> c(4 * kGates);
  gate_coefficients(z_.data(), kGates, GetParam().p, GetParam().temperature, c.data());
  const std::vector<float> z(z_.begin(), z_.end());
  std::vector<float> single(4 * kGates);
  gate_coefficients(z.data(), kGates, GetParam().p, static_cast<float>(GetParam().temperature), single.data());
  for (std::size_t gate = 0; gate < kGates; ++gate) {
    const std::vector<double> expected =
        reference_coefficients(&z_[gate * static_cast<std::size_t>(n())], GetParam().p, GetParam().temperature);
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(c[4 * gate + k], expected[k], 1e-14);
      EXPECT_NEAR(single[4 * gate + k], expected[k], 2e-6);
    }
  }
}

TEST_P(GateUpdate, LogitGradientsByFiniteDifferences) {
  std::vector<double> dz(z_.size());
  gate_logit_gradients(z_.data(), S_.data(), kGates, GetParam().p, GetParam().temperature, dz.data());
  for (std::size_t i = 0; i < dz.size(); ++i) ASSERT_NEAR(dz[i], reference_gradient(i), 1e-9) << i;
}

// Float bounds: where a gradient nearly vanishes, Adam divides it by its own size, and its rounding with it.
TEST_P(GateUpdate, Adam) {
  check_optimizer<double>(UpdateRule<double>::Kind::adam, 1e-11);
  check_optimizer<float>(UpdateRule<float>::Kind::adam, 1e-4);
}
TEST_P(GateUpdate, AdamW) {
  check_optimizer<double>(UpdateRule<double>::Kind::adamw, 1e-11);
  check_optimizer<float>(UpdateRule<float>::Kind::adamw, 1e-4);
}
TEST_P(GateUpdate, Sgd) {
  check_optimizer<double>(UpdateRule<double>::Kind::sgd, 1e-12);
  check_optimizer<float>(UpdateRule<float>::Kind::sgd, 5e-6);
}

INSTANTIATE_TEST_SUITE_P(Settings, GateUpdate,
                         testing::Values(Setting{Parametrization::raw, 1}, Setting{Parametrization::raw, 0.5},
                                         Setting{Parametrization::light, 1}, Setting{Parametrization::light, 2}));

// Logits far apart or far out must neither overflow nor give NaN.
TEST(GateUpdateRange, ExtremeLogits) {
  for (const float far : {50.0F, 1000.0F, 1e30F}) {
    std::vector<float> z(16, -far), c(4), light(4, -far);
    z[6] = far;
    gate_coefficients(z.data(), 1, Parametrization::raw, 1.0F, c.data());
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(c[k], gate_row(6)[k], 1e-30);
    light[1] = light[2] = far;
    gate_coefficients(light.data(), 1, Parametrization::light, 1.0F, c.data());
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(c[k], gate_row(6)[k], 1e-20);
  }
}

TEST(GateDecisions, RowsOfTheMostLikelyGates) {
  std::vector<double> z(32, 0.0), c(8);
  z[9] = 1;
  z[16 + 14] = 1;
  std::vector<std::uint8_t> ids(2);
  gate_decisions(z.data(), 2, Parametrization::raw, ids.data(), c.data());
  EXPECT_EQ(ids, (std::vector<std::uint8_t>{9, 14}));
  EXPECT_EQ(c, (std::vector<double>{1, -1, -1, 2, 1, 0, 0, -1}));
}

}  // namespace
}  // namespace dltonic::logic::cpu
