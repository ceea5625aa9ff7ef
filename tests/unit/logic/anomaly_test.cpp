#include "dltonic/logic/anomaly.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "dltonic/core/random.h"

namespace dltonic::logic {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int kFeatures = 40, kClassesHere = 2;

/// A small network and a batch of more than one tile.
struct Case {
  NetworkOptions options{.gates = 24, .layers = 3, .tau = "1"};
  std::size_t samples = 100;
  float inverse_batch = 0.01f;
  Network<float> network{options, kFeatures, kClassesHere, 7};
  BitMatrix x;
  std::vector<std::uint16_t> labels;
  std::vector<float> sums;

  Case() : Case(NetworkOptions{.gates = 24, .layers = 3, .tau = "1"}) {}
  explicit Case(const NetworkOptions& o) : options(o), network(o, kFeatures, kClassesHere, 7) {
    x.reset(kFeatures, samples);
    Random random(5, Use::test, 0);
    for (std::size_t i = 0; i < samples; ++i) {
      labels.push_back(static_cast<std::uint16_t>(i % kClassesHere));
      for (std::size_t f = 0; f < kFeatures; ++f) {
        if (random.below(2) == 1) x.set(f, i);
      }
    }
  }
  std::optional<Anomaly> find() {
    sums.assign(static_cast<std::size_t>(4 * network.total_gates()), 0.0f);
    return find_anomaly(network, x, labels, inverse_batch, sums);
  }
  float* logits(int layer) { return static_cast<float*>(network.state()[static_cast<std::size_t>(5 * layer)].data); }
};

void expect(const std::optional<Anomaly>& found, const std::string& where, const std::string& what) {
  ASSERT_TRUE(found) << where;
  EXPECT_EQ(found->where, where);
  EXPECT_EQ(found->what, what);
  EXPECT_FALSE(std::isfinite(found->value));
}

TEST(Anomaly, WhereAllIsFiniteNothingIsFoundAndSumsAreThoseOfTheStep) {
  for (const char* estimator : {"soft", "hard", "gumbel"}) {
    for (const char* wiring : {"chain", "random"}) {
      Case small(NetworkOptions{.gates = 24, .layers = 3, .wiring = wiring, .estimator = estimator, .grad_factor = 1.5});
      EXPECT_FALSE(small.find());
      std::vector<float> want(small.sums.size());
      small.network.forward_backward(small.x, small.labels, small.inverse_batch, want);
      for (std::size_t i = 0; i < want.size(); ++i)
        ASSERT_NEAR(small.sums[i], want[i], 1e-6) << estimator << " " << wiring << " " << i;
    }
  }
}

TEST(Anomaly, ParametersOfEachLayerAreNamedWithGateAndLogit) {
  for (int layer = 0; layer < 3; ++layer) {
    Case raw;
    raw.logits(layer)[5 * 16 + 6] = kNan;
    raw.network.state_loaded();
    expect(raw.find(), "parameters of layer" + std::to_string(layer), "gate 5, logit 6 (XOR)");
    Case light(NetworkOptions{.gates = 24, .layers = 3, .parametrization = "light"});
    light.logits(layer)[7 * 4 + 2] = -std::numeric_limits<float>::infinity();
    light.network.state_loaded();
    expect(light.find(), "parameters of layer" + std::to_string(layer), "gate 7, logit 2");
  }
}

TEST(Anomaly, CoefficientsOfFiniteLogitsAreNamed) {
  Case cold(NetworkOptions{.gates = 24, .layers = 3, .temperature = 1e-50});  // 0 as a float
  ASSERT_FALSE(std::isfinite(cold.network.coefficients()[0]));
  expect(cold.find(), "parameters of layer0", "gate 0, whose logits are finite, coefficient c0");
}

TEST(Anomaly, ALossThatOverflowsIsNamedWithItsSample) {
  Case steep(NetworkOptions{.gates = 24, .layers = 3, .tau = "1e-310"});
  const auto found = steep.find();
  expect(found, "loss", "cross entropy");
  EXPECT_EQ(found->sample, 0);
  Case huge;
  huge.inverse_batch = std::numeric_limits<float>::infinity();
  expect(huge.find(), "loss", "gradient of the score of class 0");
}

TEST(Anomaly, TheBackwardOfEachLayerIsNamed) {
  Case sums;  // gradients of an output are finite, their sum over samples is not
  sums.inverse_batch = 3e38f;
  expect(sums.find(), "backward of layer2", "gate 0, gradient of c0");
  for (const int layer : {1, 2}) {
    Case steep(NetworkOptions{.gates = 24, .layers = 3, .tau = "1", .grad_factor = layer == 2 ? 3e38 : 1e25});
    if (layer == 2) steep.inverse_batch = 1e4f;
    const auto found = steep.find();
    ASSERT_TRUE(found) << layer;
    EXPECT_EQ(found->where, "backward of layer" + std::to_string(layer)) << found->what;
    EXPECT_EQ(found->what.substr(0, 18), "gradient of input ");
    EXPECT_GE(found->sample, 0);
  }
}

TEST(Anomaly, GivenSumsAreNamedAndWhatFollowsFromThem) {
  Case small;
  EXPECT_FALSE(small.find());
  EXPECT_FALSE(find_anomaly(small.network, small.sums));
  auto sums = small.sums;
  sums[4 * (24 + 9) + 3] = kNan;
  expect(find_anomaly(small.network, sums), "gradients of layer1", "gate 9, gradient of cab");
  sums = small.sums;
  for (std::size_t k = 0; k < 4; ++k) sums[4 * (48 + 2) + k] = k < 3 ? 3e38f : -3e38f;
  const auto found = find_anomaly(small.network, sums);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->where, "gradients of layer2");
  EXPECT_TRUE(found->what.starts_with("gate 2, logit ") && found->what.ends_with(", of finite sums")) << found->what;
}

}  // namespace
}  // namespace dltonic::logic
