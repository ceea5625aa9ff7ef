#include "dltonic/logic/network.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"

namespace dltonic::logic {
namespace {

NetworkOptions small(const std::string& parametrization = "raw", const std::string& wiring = "chain") {
  NetworkOptions options;
  options.gates = 60;
  options.layers = 3;
  options.parametrization = parametrization;
  options.wiring = wiring;
  return options;
}

struct Samples {
  Samples(int features, std::size_t count, int classes) : bits(static_cast<std::size_t>(features), count) {
    Random random(5, Use::test);
    for (std::size_t s = 0; s < count; ++s) {
      for (std::size_t f = 0; f < bits.rows(); ++f) {
        if (random.below(3) == 0) bits.set(f, s);
      }
      labels.push_back(static_cast<std::uint16_t>(random.below(static_cast<std::uint32_t>(classes))));
    }
  }
  template <class T>
  std::vector<T> reals() const {
    std::vector<T> x;
    for (std::size_t f = 0; f < bits.rows(); ++f) {
      for (std::size_t s = 0; s < bits.bits(); ++s) x.push_back(static_cast<T>(bits.get(f, s)));
    }
    return x;
  }
  BitMatrix bits;
  std::vector<std::uint16_t> labels;
};

template <class T>
std::vector<T> sums_of(Network<T>& network, const Samples& samples, BatchResult* result = nullptr) {
  std::vector<T> sums(static_cast<std::size_t>(4 * network.total_gates()));
  const BatchResult r =
      network.forward_backward(samples.bits, samples.labels, T{1} / static_cast<T>(samples.labels.size()), sums);
  if (result != nullptr) *result = r;
  return sums;
}

// ---- gradients ----------------------------------------------------------------------------------------

class NetworkGradients : public testing::TestWithParam<std::tuple<std::string, std::string, int>> {};

TEST_P(NetworkGradients, FiniteDifferencesOfTheLoss) {
  const auto& [parametrization, wiring, layers] = GetParam();
  NetworkOptions options = small(parametrization, wiring);
  options.layers = layers;
  options.temperature = 0.8;
  const Samples samples(30, 33, 10);
  Network<double> network(options, 30, 10, 4);
  const std::vector<double> sums = sums_of(network, samples);
  std::vector<double> dz(static_cast<std::size_t>(network.summary().parameters));
  network.logit_gradients(sums, dz);

  const auto loss = [&] {
    std::vector<double> unused(sums.size());
    return network.forward_backward(samples.bits, samples.labels, 1.0 / 33, unused).loss_sum / 33;
  };
  std::size_t offset = 0;
  const std::vector<TensorView> state = network.state();
  for (const TensorView& view : state) {
    if (!view.name.ends_with("/logits")) continue;
    auto* z = static_cast<double*>(view.data);
    for (std::size_t i = 0; i < view.elements(); i += 7) {
      const double kept = z[i], step = 1e-4;
      z[i] = kept + step;
      network.state_loaded();
      const double up = loss();
      z[i] = kept - step;
      network.state_loaded();
      const double down = loss();
      z[i] = kept;
      ASSERT_NEAR(dz[offset + i], (up - down) / (2 * step), 2e-9) << view.name << " " << i;
    }
    offset += view.elements();
  }
}
INSTANTIATE_TEST_SUITE_P(Kinds, NetworkGradients,
                         testing::Combine(testing::Values("raw", "light"), testing::Values("chain", "random", "unique"),
                                          testing::Values(1, 3)));

// The same gates in another canonical order: the walk must not show in any result.
TEST(Network, WalkAndGeneralBackwardAgree) {
  const Samples samples(30, 50, 10);
  Network<double> chain(small(), 30, 10, 4);
  ASSERT_EQ(chain.summary().chain_layers, 2);
  // Turning one gate around (operands swapped, gate mirrored) leaves the function but is no walk any more.
  std::vector<Wiring> wiring;
  std::vector<std::vector<double>> logits;
  constexpr int kMirror[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
  for (int l = 0; l < 3; ++l) {
    wiring.push_back(chain.wiring(l));
    logits.emplace_back(chain.layer_logits(l).begin(), chain.layer_logits(l).end());
    std::swap(wiring.back().a[0], wiring.back().b[0]);
    for (std::size_t i = 0; i < 16; ++i) logits.back()[i] = chain.layer_logits(l)[static_cast<std::size_t>(kMirror[i])];
  }
  Network<double> general(small(), 30, 10, wiring, logits);
  ASSERT_EQ(general.summary().chain_layers, 0);
  BatchResult one, two;
  const std::vector<double> a = sums_of(chain, samples, &one), b = sums_of(general, samples, &two);
  EXPECT_NEAR(one.loss_sum, two.loss_sum, 1e-12);
  EXPECT_EQ(one.correct, two.correct);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool mirrored = i % 240 == 1 || i % 240 == 2;  // sums of a and b of each layer's first gate change places
    ASSERT_NEAR(a[i], b[mirrored ? i ^ 3 : i], 1e-14) << i;
  }
}

TEST(Network, GradFactorMultipliesInputGradientsOnly) {
  const Samples samples(30, 20, 10);
  NetworkOptions options = small();
  Network<double> plain(options, 30, 10, 4);
  options.grad_factor = 2;
  Network<double> doubled(options, 30, 10, 4);
  const std::vector<double> a = sums_of(plain, samples), b = sums_of(doubled, samples);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double factor = i < 240 ? 4 : i < 480 ? 2 : 1;  // once a layer on the way down
    ASSERT_NEAR(b[i], factor * a[i], 1e-14) << i;
  }
}

// Straight-through: forward and input gradients by the hard rows.
TEST(Network, HardEstimatorRunsTheHardCircuit) {
  const Samples samples(30, 70, 10);
  for (const char* parametrization : {"raw", "light"}) {
    NetworkOptions options = small(parametrization);
    options.estimator = "hard";
    Network<double> network(options, 30, 10, 4);
    std::vector<double> hard(700);
    network.hard_logits(samples.bits, hard);
    const auto loss_of = [&](const std::vector<double>& logits) {
      double loss = 0;
      for (std::size_t s = 0; s < 70; ++s) {
        double sum = 0;
        for (std::size_t k = 0; k < 10; ++k) sum += std::exp(logits[10 * s + k]);
        loss += std::log(sum) - logits[10 * s + samples.labels[s]];
      }
      return loss;
    };
    BatchResult result;
    const std::vector<double> sums = sums_of(network, samples, &result);
    EXPECT_NEAR(result.loss_sum, loss_of(hard), 1e-10);

    // Sums: those of a soft network whose logits are so far apart that its gates are hard.
    options.estimator = "soft";
    Network<double> far(options, 30, 10, 4), soft(options, 30, 10, 4);
    for (const TensorView& view : far.state()) {
      if (!view.name.ends_with("/logits")) continue;
      for (std::size_t i = 0; i < view.elements(); ++i) static_cast<double*>(view.data)[i] *= 1e9;
    }
    far.state_loaded();
    const std::vector<double> far_sums = sums_of(far, samples);
    for (std::size_t i = 0; i < sums.size(); ++i) ASSERT_NEAR(sums[i], far_sums[i], 1e-12) << i;
    // Logit gradients: the soft mixture's, from these sums.
    std::vector<double> dz(static_cast<std::size_t>(network.summary().parameters)), soft_dz(dz.size());
    network.logit_gradients(sums, dz);
    soft.logit_gradients(sums, soft_dz);
    EXPECT_EQ(dz, soft_dz);
    // And the circuit follows the logits through an update.
    network.update(sums, OptimizerOptions(), 0.5);
    std::vector<double> moved(700);
    network.hard_logits(samples.bits, moved);
    EXPECT_NE(moved, hard);
    sums_of(network, samples, &result);
    EXPECT_NEAR(result.loss_sum, loss_of(moved), 1e-10);
  }
}

// ---- sizes --------------------------------------------------------------------------------------------

class NetworkBatches : public testing::TestWithParam<int> {};

TEST_P(NetworkBatches, SumsAndLossesAreThoseOfTheSamples) {
  const auto count = static_cast<std::size_t>(GetParam());
  const Samples samples(45, count, 7);
  NetworkOptions options = small();
  Network<double> network(options, 45, 7, 4);
  ASSERT_EQ(network.gates(0), 63);
  BatchResult whole;
  std::vector<double> sums(static_cast<std::size_t>(4 * network.total_gates())), one_by_one(sums.size());
  whole = network.forward_backward(samples.bits, samples.labels, 0.01, sums);
  std::vector<double> logits(7 * count), single(7);
  network.logits(samples.bits, logits);
  BatchResult added;
  for (std::size_t s = 0; s < count; ++s) {
    BitMatrix x(45, 1);
    for (std::size_t f = 0; f < 45; ++f) {
      if (samples.bits.get(f, s)) x.set(f, 0);
    }
    const BatchResult r = network.forward_backward(x, {&samples.labels[s], 1}, 0.01, one_by_one);
    added.loss_sum += r.loss_sum;
    added.correct += r.correct;
    network.logits(x, single);
    for (std::size_t k = 0; k < 7; ++k) ASSERT_EQ(single[k], logits[7 * s + k]) << "a sample's logits depend on its batch";
  }
  EXPECT_EQ(whole.loss_sum, added.loss_sum);
  EXPECT_EQ(whole.correct, added.correct);
  for (std::size_t i = 0; i < sums.size(); ++i) ASSERT_NEAR(sums[i], one_by_one[i], 1e-13);
}

TEST_P(NetworkBatches, RealsAndBitsAgree) {
  const auto count = static_cast<std::size_t>(GetParam());
  const Samples samples(45, count, 7);
  Network<float> network(small("light", "unique"), 45, 7, 4);
  std::vector<float> a(static_cast<std::size_t>(4 * network.total_gates())), b(a.size());
  const BatchResult one = network.forward_backward(samples.bits, samples.labels, 1, a);
  const BatchResult two = network.forward_backward(samples.reals<float>(), samples.labels, 1, b);
  EXPECT_NEAR(one.loss_sum, two.loss_sum, 1e-4);
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4);
}

TEST_P(NetworkBatches, HardBitsEqualTheHardFloatForward) {
  const auto count = static_cast<std::size_t>(GetParam());
  const Samples samples(45, count, 7);
  for (const char* parametrization : {"raw", "light"}) {
    NetworkOptions options = small(parametrization, "random");
    options.gates = 700;
    Network<double> network(options, 45, 7, 4);
    std::vector<double> bits(7 * count);
    network.hard_logits(samples.bits, bits);
    // Logits so far apart that every soft gate is a hard one.
    for (const TensorView& view : network.state()) {
      auto* z = static_cast<double*>(view.data);
      if (view.name.ends_with("/logits")) {
        for (std::size_t i = 0; i < view.elements(); ++i) z[i] *= 1e9;
      }
    }
    network.state_loaded();
    std::vector<double> soft(7 * count);
    network.logits(samples.bits, soft);
    for (std::size_t i = 0; i < bits.size(); ++i) ASSERT_NEAR(bits[i], soft[i], 1e-9) << i;
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, NetworkBatches, testing::Values(1, 31, 33, 64, 65, 100, 257));

TEST(Network, PredictsTheFirstLargestLogit) {
  NetworkOptions options = small();
  options.init = "residual";
  Network<float> network(options, 30, 10, 4);
  BitMatrix nothing(30, 3);  // all inputs 0: all classes near equal sums, and equal in the hard circuit
  std::vector<float> out(30);
  network.hard_logits(nothing, out);
  for (const float logit : out) EXPECT_EQ(logit, 0);
}

TEST(Network, AnEmptyBatchAddsNothing) {
  Network<float> network(small(), 30, 10, 4);
  std::vector<float> sums(static_cast<std::size_t>(4 * network.total_gates()), 1);
  const BatchResult result = network.forward_backward(BitMatrix(30, 0), {}, 1, sums);
  EXPECT_EQ(result.loss_sum, 0);
  for (const float s : sums) EXPECT_EQ(s, 1);
}

// ---- threads ------------------------------------------------------------------------------------------

class NetworkThreads : public testing::TestWithParam<std::string> {};

TEST_P(NetworkThreads, DoNotShowInAnyBit) {
  NetworkOptions options = small("raw", GetParam());
  options.gates = 3000;
  const Samples samples(300, 100, 10);
  std::vector<std::vector<float>> logits, sums, outputs;
  std::vector<double> losses;
  const int before = omp_get_max_threads();
  for (const int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    Network<float> network(options, 300, 10, 9);
    BatchResult result;
    for (int step = 0; step < 3; ++step) {
      sums.push_back(sums_of(network, samples, &result));
      network.update(sums.back(), OptimizerOptions(), 0.05);
    }
    losses.push_back(result.loss_sum);
    outputs.emplace_back(1000);
    network.logits(samples.bits, outputs.back());
    logits.emplace_back(network.layer_logits(1).begin(), network.layer_logits(1).end());
  }
  omp_set_num_threads(before);
  for (std::size_t t = 1; t < 3; ++t) {
    EXPECT_EQ(losses[0], losses[t]);
    EXPECT_EQ(logits[0], logits[t]);
    EXPECT_EQ(outputs[0], outputs[t]);
    for (std::size_t step = 0; step < 3; ++step) EXPECT_EQ(sums[step], sums[3 * t + step]);
  }
}
INSTANTIATE_TEST_SUITE_P(Wirings, NetworkThreads, testing::Values("chain", "random"));

// ---- learning, state, faults --------------------------------------------------------------------------

TEST(Network, EveryOptimizerLearns) {
  const Samples samples(60, 90, 3);
  for (const char* kind : {"adam", "adamw", "sgd"}) {
    for (const char* parametrization : {"raw", "light"}) {
      NetworkOptions options = small(parametrization);
      options.gates = 300;
      Network<float> network(options, 60, 3, 2);
      OptimizerOptions optimizer;
      optimizer.kind = kind;
      optimizer.momentum = 0.9;
      BatchResult first, last;
      for (int step = 0; step < 60; ++step) {
        const std::vector<float> sums = sums_of(network, samples, &last);
        if (step == 0) first = last;
        network.update(sums, optimizer, std::string(kind) == "sgd" ? 100 : 0.05);
      }
      EXPECT_LT(last.loss_sum, 0.7 * first.loss_sum) << kind << " " << parametrization;
      EXPECT_GT(last.correct, first.correct);
    }
  }
}

TEST(Network, StateRoundTripGoesOnWithTheSameNumbers) {
  const Samples samples(60, 40, 10);
  Network<float> network(small(), 60, 10, 2), other(small("raw", "random"), 60, 10, 77);
  const OptimizerOptions adam;
  for (int step = 0; step < 3; ++step) network.update(sums_of(network, samples), adam, 0.01);
  const std::vector<TensorView> from = network.state(), to = other.state();
  ASSERT_EQ(from.size(), 16u);
  ASSERT_EQ(from.size(), to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    ASSERT_EQ(from[i].name, to[i].name);
    ASSERT_EQ(from[i].shape, to[i].shape);
    ASSERT_EQ(from[i].type, to[i].type);
    std::memcpy(to[i].data, from[i].data, from[i].bytes());
  }
  other.state_loaded();
  EXPECT_EQ(other.summary().chain_layers, 2);  // derived from the wiring that came in
  for (int step = 0; step < 3; ++step) {
    const std::vector<float> a = sums_of(network, samples), b = sums_of(other, samples);
    ASSERT_EQ(a, b);
    network.update(a, adam, 0.01);
    other.update(b, adam, 0.01);
  }
  std::vector<float> hard(400), other_hard(400);
  network.hard_logits(samples.bits, hard);
  other.hard_logits(samples.bits, other_hard);
  EXPECT_EQ(hard, other_hard);
}

TEST(Network, DamagedWiringInAStateIsRefused) {
  Network<float> network(small(), 60, 10, 2);
  for (const TensorView& view : network.state()) {
    if (view.name == "layer1/b") static_cast<std::int32_t*>(view.data)[5] = 60;
  }
  try {
    network.state_loaded();
    FAIL() << "taken";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "layer 1: wiring: gate 5 reads input 60, but the layer has inputs 0 to 59");
  }
}

TEST(Network, SummaryCountsWhatThereIs) {
  NetworkOptions options = small("light");
  options.gates = 61;
  const Network<float> network(options, 500, 10, 1);
  const NetworkSummary s = network.summary();
  EXPECT_EQ(s.gates, 70);
  EXPECT_EQ(rounded_gates(61, 10), 70);
  EXPECT_EQ(s.total_gates, 210);
  EXPECT_EQ(s.parameters, 840);
  EXPECT_EQ(s.unused_inputs, 360);
  EXPECT_EQ(s.state_bytes, 840 * 12 + 210 * 8);
  EXPECT_DOUBLE_EQ(s.tau, 0.5 * std::sqrt(7));
  options.tau = "2.5";
  EXPECT_DOUBLE_EQ(Network<float>(options, 500, 10, 1).tau(), 2.5);
}

TEST(Network, WrongOptionsAreRefused) {
  const auto refused = [](auto change) {
    NetworkOptions options = small();
    change(options);
    EXPECT_THROW(Network<float>(options, 30, 10, 1), ConfigError);
  };
  refused([](NetworkOptions& o) { o.layers = 0; });
  refused([](NetworkOptions& o) { o.gates = 0; });
  refused([](NetworkOptions& o) { o.wiring = "star"; });
  refused([](NetworkOptions& o) { o.tau = "much"; });
  refused([](NetworkOptions& o) { o.tau = "-1"; });
  refused([](NetworkOptions& o) { o.temperature = 0; });
  refused([](NetworkOptions& o) { o.gates = 436; });  // 440 gates, but 30 inputs have 435 pairs
}

TEST(Network, WrongBatchesAreRefused) {
  Network<float> network(small(), 30, 10, 1);
  std::vector<float> sums(static_cast<std::size_t>(4 * network.total_gates())), few(3);
  const std::vector<std::uint16_t> labels = {1, 2}, wrong = {1, 10};
  EXPECT_THROW(network.forward_backward(BitMatrix(29, 2), labels, 1, sums), DataError);
  EXPECT_THROW(network.forward_backward(BitMatrix(30, 3), labels, 1, sums), DataError);
  EXPECT_THROW(network.forward_backward(BitMatrix(30, 2), wrong, 1, sums), DataError);
  EXPECT_THROW(network.forward_backward(BitMatrix(30, 2), labels, 1, few), DataError);
  EXPECT_THROW(network.logits(BitMatrix(30, 2), few), DataError);
}

}  // namespace
}  // namespace dltonic::logic
