// A network of difflogic 0.1.0 (python path, float64): outputs, loss, gradients and five Adam steps, a == b included.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dltonic/logic/network.h"

namespace dltonic::logic {
namespace {

using Json = nlohmann::json;

const Json& golden() {
  static const Json file = Json::parse(std::ifstream(DLTONIC_TEST_DATA "/golden/difflogic_net.json"));
  return file;
}

template <class T>
std::vector<T> flat(const Json& nested) {
  if (!nested.is_array()) return {nested.get<T>()};
  std::vector<T> out;
  for (const Json& part : nested) {
    const std::vector<T> inner = flat<T>(part);
    out.insert(out.end(), inner.begin(), inner.end());
  }
  return out;
}

template <class T>
struct Bounds;
template <>
struct Bounds<float> {
  static constexpr double kValue = 1e-5, kGradient = 1e-5;
};
template <>
struct Bounds<double> {
  static constexpr double kValue = 1e-10, kGradient = 1e-8;
};

template <class T>
class Golden : public testing::Test {
 protected:
  Golden() {
    const Json& g = golden();
    NetworkOptions options;
    options.tau = std::to_string(g["tau"].get<double>());
    std::vector<Wiring> wiring;
    std::vector<std::vector<T>> logits;
    for (std::size_t l = 0; l < g["wiring"].size(); ++l) {
      wiring.push_back(
          {g["wiring"][l]["a"].get<std::vector<std::int32_t>>(), g["wiring"][l]["b"].get<std::vector<std::int32_t>>()});
      logits.push_back(flat<T>(g["logits0"][l]));
    }
    network = std::make_unique<Network<T>>(options, features, g["classes"].get<int>(), wiring, logits);
    labels = g["labels"].get<std::vector<std::uint16_t>>();
    bits.reset(static_cast<std::size_t>(features), static_cast<std::size_t>(batch));
    reals.resize(static_cast<std::size_t>(features * batch));
    for (std::size_t s = 0; s < static_cast<std::size_t>(batch); ++s) {
      for (std::size_t f = 0; f < static_cast<std::size_t>(features); ++f) {
        if (g["x_bits"][s][f].get<double>() > 0.5) bits.set(f, s);
        reals[f * static_cast<std::size_t>(batch) + s] = g["x_real"][s][f].get<T>();
      }
    }
    sums.resize(static_cast<std::size_t>(4 * network->total_gates()));
  }

  /// The largest difference that a test saw goes into its report (--gtest_output), where benchmarks/show.sh A4 reads it.
  void note(const std::string& what, double difference) {
    const auto [largest, first] = largest_.try_emplace(what, difference);
    if (!first && difference <= largest->second) return;
    largest->second = difference;
    std::ostringstream text;
    text << difference;
    RecordProperty(what, text.str());
  }
  void expect_near(double got, double expected, const char* what) {
    note(what, std::abs(got - expected));
    EXPECT_NEAR(got, expected, Bounds<T>::kValue) << what;
  }
  void expect_near(const std::vector<T>& got, const std::vector<double>& expected, const char* what,
                   double bound = Bounds<T>::kValue, double unit = 1) {
    ASSERT_EQ(got.size(), expected.size()) << what;
    for (std::size_t i = 0; i < got.size(); ++i) {
      note(what, std::abs(static_cast<double>(got[i]) - expected[i]) / unit);
      ASSERT_NEAR(static_cast<double>(got[i]), expected[i], bound * unit) << what << " " << i;
    }
  }
  void expect_near_of_largest(const std::vector<T>& got, const std::vector<double>& expected, const char* what) {
    double largest = 0;
    for (const double e : expected) largest = std::max(largest, std::abs(e));
    expect_near(got, expected, what, Bounds<T>::kGradient, largest);
  }

  int features = golden()["inputs"].get<int>(), batch = golden()["batch"].get<int>();
  std::unique_ptr<Network<T>> network;
  std::vector<std::uint16_t> labels;
  BitMatrix bits;
  std::vector<T> reals, sums;

 private:
  std::map<std::string, double> largest_;
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Golden, Types);

TYPED_TEST(Golden, HoldsGatesThatReadOneInputTwice) {
  int same = 0;
  for (int l = 0; l < this->network->layers(); ++l) {
    const Wiring& wiring = this->network->wiring(l);
    for (std::size_t i = 0; i < wiring.gates(); ++i) same += wiring.a[i] == wiring.b[i];
  }
  EXPECT_EQ(same, 2);
}

TYPED_TEST(Golden, Outputs) {
  std::vector<TypeParam> out(this->labels.size() * 10);
  this->network->logits(this->bits, out);
  this->expect_near(out, flat<double>(golden()["out_bits"]), "outputs");
  this->network->logits(this->reals, this->labels.size(), out);
  this->expect_near(out, flat<double>(golden()["out_real"]), "outputs");
  this->network->hard_logits(this->bits, out);
  this->expect_near(out, flat<double>(golden()["out_bits_hard"]), "outputs");
}

TYPED_TEST(Golden, LossAndGradientsOnReals) {
  using T = TypeParam;
  std::vector<T> dx(this->reals.size());
  const auto n = static_cast<double>(this->batch);
  const BatchResult result = this->network->forward_backward(this->reals, this->labels, static_cast<T>(1 / n), this->sums, dx);
  this->expect_near(result.loss_sum / n, golden()["loss_real"].get<double>(), "loss");

  std::vector<T> dz(static_cast<std::size_t>(16 * this->network->total_gates()));
  this->network->logit_gradients(this->sums, dz);
  const auto layer_size = static_cast<std::ptrdiff_t>(16 * this->network->gates(0));
  for (int l = 0; l < 3; ++l) {
    const std::vector<T> layer(dz.begin() + l * layer_size, dz.begin() + (l + 1) * layer_size);
    this->expect_near_of_largest(layer, flat<double>(golden()["grad_logits_real"][static_cast<std::size_t>(l)]),
                                 "logit_gradients");
  }
  std::vector<T> by_sample(dx.size());
  for (int s = 0; s < this->batch; ++s) {
    for (int f = 0; f < this->features; ++f)
      by_sample[static_cast<std::size_t>(s * this->features + f)] = dx[static_cast<std::size_t>(f * this->batch + s)];
  }
  this->expect_near_of_largest(by_sample, flat<double>(golden()["grad_x_real"]), "input_gradients");
}

TYPED_TEST(Golden, FiveAdamStepsOnBits) {
  using T = TypeParam;
  OptimizerOptions adam;
  adam.learning_rate = golden()["adam"]["lr"].get<double>();
  const auto n = static_cast<double>(this->batch);
  for (const Json& expected : golden()["adam_losses_bits"]) {
    std::fill(this->sums.begin(), this->sums.end(), T{0});
    const BatchResult result = this->network->forward_backward(this->bits, this->labels, static_cast<T>(1 / n), this->sums);
    this->expect_near(result.loss_sum / n, expected.template get<double>(), "adam_losses");
    this->network->update(this->sums, adam, adam.learning_rate);
  }
  for (int l = 0; l < 3; ++l) {
    const auto logits = this->network->layer_logits(l);
    this->expect_near({logits.begin(), logits.end()}, flat<double>(golden()["logits_after"][static_cast<std::size_t>(l)]),
                      "adam_logits");
  }
}

}  // namespace
}  // namespace dltonic::logic
