/// Gate layers inside LibTorch, and difflogic's network, against the plain LibTorch expression of the same layers.
#include "model/gate_layer_autograd.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "support/gate_layer_oracle.h"
#include "unit/model/model_fixture.h"

namespace dltonic::model {
namespace {

at::Tensor uniform(at::IntArrayRef shape, at::ScalarType type, std::uint32_t use) {
  at::Tensor values = at::empty(shape, at::kDouble);
  Random random(3, Use::test, use);
  for (std::int64_t i = 0; i < values.numel(); ++i) values.data_ptr<double>()[i] = random.uniform_double();
  return values.to(type);
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }
double largest(const at::Tensor& a) { return a.abs().max().item<double>(); }

struct Layer {
  std::string name;
  logic::Wiring wiring;
  std::int64_t inputs;
};

std::vector<Layer> layers() {
  using logic::WiringKind;
  return {{"chain", logic::make_wiring(WiringKind::chain, 40, 40, 1, 1, false), 40},
          {"last chain", logic::make_wiring(WiringKind::chain, 300, 300, 1, 1, true), 300},
          {"random", logic::make_wiring(WiringKind::random, 24, 40, 1, 0, false), 24},
          {"unique", logic::make_wiring(WiringKind::unique, 50, 30, 1, 0, false), 50},
          // a == b, a pair twice in both orders, fan-out 0 (input 3) and 5 (input 0)
          {"imported", {{0, 1, 0, 2, 0}, {0, 0, 1, 2, 4}}, 5}};
}

TEST(GateLayerAutograd, EqualsThePlainExpression) {
  for (const Layer& layer : layers()) {
    const auto plan = c10::make_intrusive<GateLayerPlan>(layer.wiring, layer.inputs);
    for (const auto type : {at::kFloat, at::kDouble}) {
      for (const std::int64_t samples : {1, 7, 64, 65, 150}) {
        SCOPED_TRACE(cat(layer.name, ", ", samples, type == at::kFloat ? " samples, float" : " samples, double"));
        const double tolerance = type == at::kFloat ? 2e-6 : 1e-13;
        at::Tensor x = uniform({layer.inputs, samples}, type, 1).requires_grad_();
        const at::Tensor z = 6 * uniform({plan->gates, 16}, type, 2);
        at::Tensor c = oracle::coefficients(z, logic::Parametrization::raw).requires_grad_();
        const at::Tensor upstream = uniform({plan->gates, samples}, type, 3) - 0.4;

        const at::Tensor y = gate_layer(x, c, plan);
        const at::Tensor by_four = oracle::gate_layer(x.t(), layer.wiring, c).t();
        const at::Tensor by_sixteen = oracle::sixteen_gates(x.t(), layer.wiring, at::softmax(z, 1)).t();
        EXPECT_LT(largest_difference(y, by_four), tolerance);
        EXPECT_LT(largest_difference(y, by_sixteen), tolerance);

        const auto ours = torch::autograd::grad({y}, {x, c}, {upstream});
        const auto theirs = torch::autograd::grad({by_four}, {x, c}, {upstream});
        EXPECT_LT(largest_difference(ours[0], theirs[0]), 4 * tolerance * largest(theirs[0]));
        EXPECT_LT(largest_difference(ours[1], theirs[1]), 4 * tolerance * largest(theirs[1]));
        // S alone, by the kernel of layers whose input needs no gradient
        const auto sums = torch::autograd::grad({gate_layer(x.detach(), c, plan)}, {c}, {upstream});
        EXPECT_LT(largest_difference(sums[0], theirs[1]), 4 * tolerance * largest(theirs[1]));
      }
    }
  }
}

TEST(GateLayerAutograd, GradientsAreThoseOfFiniteDifferences) {
  for (const Layer& layer : layers()) {
    if (layer.inputs > 100) continue;
    SCOPED_TRACE(layer.name);
    const auto plan = c10::make_intrusive<GateLayerPlan>(layer.wiring, layer.inputs);
    at::Tensor x = uniform({layer.inputs, 5}, at::kDouble, 1).requires_grad_();
    at::Tensor c = (2 * uniform({plan->gates, 4}, at::kDouble, 2) - 1).requires_grad_();
    const at::Tensor weights = uniform({plan->gates, 5}, at::kDouble, 3) - 0.5;
    const auto loss = [&] { return (gate_layer(x, c, plan).square() * weights).sum(); };
    const auto gradients = torch::autograd::grad({loss()}, {x, c});
    const c10::NoGradGuard no_grad;
    for (const auto& [value, gradient] : {std::pair{x, gradients[0]}, std::pair{c, gradients[1]}}) {
      for (std::int64_t i = 0; i < value.numel(); ++i) {
        double& v = value.data_ptr<double>()[i];
        const double kept = v, step = 1e-5;
        v = kept + step;
        const double above = loss().item<double>();
        v = kept - step;
        const double below = loss().item<double>();
        v = kept;
        ASSERT_NEAR(gradient.contiguous().data_ptr<double>()[i], (above - below) / (2 * step), 1e-8) << "element " << i;
      }
    }
  }
}

TEST(GateLayerAutograd, GradFactorIsOfTheInputGradientOnly) {
  for (const Layer& layer : layers()) {
    SCOPED_TRACE(layer.name);
    at::Tensor x = uniform({layer.inputs, 20}, at::kDouble, 1).requires_grad_();
    at::Tensor c = uniform({static_cast<std::int64_t>(layer.wiring.gates()), 4}, at::kDouble, 2).requires_grad_();
    const auto once =
        torch::autograd::grad({gate_layer(x, c, c10::make_intrusive<GateLayerPlan>(layer.wiring, layer.inputs)).sum()}, {x, c});
    const auto twice = torch::autograd::grad(
        {gate_layer(x, c, c10::make_intrusive<GateLayerPlan>(layer.wiring, layer.inputs, 2.0)).sum()}, {x, c});
    EXPECT_TRUE(twice[0].equal(2 * once[0]));
    EXPECT_TRUE(twice[1].equal(once[1]));
  }
}

TEST(GateLayerAutograd, RefusesWhatDoesNotFit) {
  const Layer layer = layers()[0];
  const auto plan = c10::make_intrusive<GateLayerPlan>(layer.wiring, layer.inputs);
  const at::Tensor x = uniform({40, 3}, at::kFloat, 1), c = uniform({40, 4}, at::kFloat, 2);
  EXPECT_NO_THROW(gate_layer(x, c, plan));
  EXPECT_THROW(gate_layer(x.t(), c, plan), c10::Error);
  EXPECT_THROW(gate_layer(x, c.t(), plan), c10::Error);
  EXPECT_THROW(gate_layer(x, c.to(at::kDouble), plan), c10::Error);
  EXPECT_THROW(c10::make_intrusive<GateLayerPlan>(layer.wiring, 39), DataError);
  at::Tensor leaf = c.clone().requires_grad_();
  const at::Tensor loss = gate_layer(x, leaf, plan).square().sum();
  EXPECT_THROW(torch::autograd::grad({loss}, {leaf}, {}, true, /*create_graph=*/true), c10::Error);
}

/// difflogic's network from its own state, written out in LibTorch.
struct PlainNetwork {
  std::vector<logic::Wiring> wiring;
  std::vector<at::Tensor> z, c;  ///< c: leaves
  double tau;

  PlainNetwork(Model& model, int layers, double tau_, logic::Parametrization parametrization)
      : wiring(static_cast<std::size_t>(layers)), tau(tau_) {
    std::map<std::string, TensorView> views;
    for (const TensorView& view : model.state()) views[view.name] = view;
    for (int l = 0; l < layers; ++l) {
      const TensorView &logits = views.at(cat("layer", l, "/logits")), &a = views.at(cat("layer", l, "/a")),
                       &b = views.at(cat("layer", l, "/b"));
      const auto *pa = static_cast<const std::int32_t*>(a.data), *pb = static_cast<const std::int32_t*>(b.data);
      wiring[static_cast<std::size_t>(l)] = {{pa, pa + a.elements()}, {pb, pb + b.elements()}};
      z.push_back(at::from_blob(logits.data,
                                {static_cast<std::int64_t>(logits.shape[0]), static_cast<std::int64_t>(logits.shape[1])},
                                at::kFloat)
                      .to(at::kDouble));
      c.push_back(oracle::coefficients(z.back(), parametrization).requires_grad_());
    }
  }
  at::Tensor scores(at::Tensor x) const {
    for (std::size_t l = 0; l < wiring.size(); ++l) x = oracle::gate_layer(x, wiring[l], c[l]);
    return oracle::group_sum(x, kClasses, tau);
  }
  /// By the truth table of each gate's largest logit.
  at::Tensor hard_scores(at::Tensor x) const {
    for (std::size_t l = 0; l < wiring.size(); ++l)
      x = oracle::sixteen_gates(x, wiring[l], at::one_hot(z[l].argmax(1), 16).to(at::kDouble));
    return oracle::group_sum(x, kClasses, tau);
  }
};

at::Tensor frames(const data::Batch& batch) {
  at::Tensor x =
      at::zeros({static_cast<std::int64_t>(batch.size()), static_cast<std::int64_t>(batch.bits.bits())}, at::kDouble);
  for (std::size_t i = 0; i < batch.size(); ++i)
    for (std::size_t f = 0; f < batch.bits.bits(); ++f) x.data_ptr<double>()[i * batch.bits.bits() + f] = batch.bits.get(i, f);
  return x;
}

class DiffLogicOracle : public testing::TestWithParam<std::tuple<std::string, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Networks, DiffLogicOracle,
                         testing::Combine(testing::Values("chain", "random", "unique"), testing::Values("raw", "light")),
                         [](const auto& test) { return std::get<0>(test.param) + "_" + std::get<1>(test.param); });

TEST_P(DiffLogicOracle, ScoresAndSumsAreThoseOfThePlainNetwork) {
  const auto& [wiring, parametrization] = GetParam();
  Options options = small_options("difflogic");
  options.network.wiring = wiring;
  options.network.parametrization = parametrization;
  options.network.tau = "2.5";
  const auto model = make_model(options, kShape, kClasses, 3, optimizer("adam"));
  for (int step = 0; step < 2; ++step) train_step(*model, step);
  const PlainNetwork plain(*model, 3, 2.5, logic::parametrization_from(parametrization));

  const std::uint32_t samples = 75;
  const auto batch = random_batch(500, samples);
  std::vector<float> soft(samples * kClasses), hard(samples * kClasses), sums(model->gradient_size(), 0.0f);
  model->logits(batch, Reading::soft, soft);
  model->logits(batch, Reading::hard, hard);
  const StepResult result = model->forward_backward(batch, {1.0 / 100}, sums);

  const at::Tensor scores = plain.scores(frames(batch));
  const auto as_tensor = [&](std::vector<float>& v) {
    return at::from_blob(v.data(), {samples, kClasses}, at::kFloat).to(at::kDouble);
  };
  EXPECT_LT(largest_difference(as_tensor(soft), scores), 1e-5);
  if (parametrization == "raw") {
    EXPECT_LT(largest_difference(as_tensor(hard), plain.hard_scores(frames(batch))), 1e-6);
  }

  const std::vector<std::int64_t> labels(batch.labels.begin(), batch.labels.end());
  const at::Tensor loss = -at::log_softmax(scores, 1).gather(1, at::tensor(labels, at::kLong).view({-1, 1})).sum();
  EXPECT_NEAR(result.loss_sum, loss.item<double>(), 1e-5 * loss.item<double>());
  const auto gradients = torch::autograd::grad({loss / 100}, plain.c);
  std::size_t offset = 0;
  for (const at::Tensor& expected : gradients) {
    const at::Tensor ours = at::from_blob(sums.data() + offset, expected.sizes(), at::kFloat).to(at::kDouble);
    EXPECT_LT(largest_difference(ours, expected), 1e-5 * largest(expected)) << "from sum " << offset;
    offset += static_cast<std::size_t>(expected.numel());
  }
  EXPECT_EQ(offset, sums.size());
}

}  // namespace
}  // namespace dltonic::model
