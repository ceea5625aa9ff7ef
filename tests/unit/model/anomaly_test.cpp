// A value that is not finite, in each kind of layer and each direction: the first one is named.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "unit/model/model_fixture.h"

namespace dltonic::model {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::uint32_t kSamples = 20;

std::span<float> tensor(Model& model, const std::string& name) {
  for (const TensorView& view : model.state()) {
    if (view.name == name) return {static_cast<float*>(view.data), view.elements()};
  }
  throw std::logic_error("no tensor " + name);
}
void fill(Model& model, const std::string& name, float value) { std::ranges::fill(tensor(model, name), value); }

std::string find(Model& model, double inverse_batch = 1.0 / kSamples) {
  std::vector<float> gradients(model.gradient_size(), 0.0f);
  return model.find_anomaly(random_batch(100, kSamples), {inverse_batch, 1, 0}, gradients);
}

class AnomalyOfEveryKind : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Models, AnomalyOfEveryKind, testing::ValuesIn(model_kinds()));

TEST_P(AnomalyOfEveryKind, IsNoneWhereAllIsFiniteAndGradientsAreThoseOfTheStep) {
  const auto model = small_model(GetParam());
  std::vector<float> found(model->gradient_size(), 1.0f), step(found);
  const auto batch = random_batch(100, kSamples);
  const StepContext context{1.0 / kSamples, 1, 0};
  EXPECT_EQ(model->find_anomaly(batch, context, found), "");
  model->forward_backward(batch, context, step);
  for (std::size_t i = 0; i < step.size(); ++i) ASSERT_NEAR(found[i], step[i], 1e-6) << i;
  EXPECT_EQ(model->find_anomaly(step), "");
  EXPECT_EQ(snapshot(*model), snapshot(*small_model(GetParam()))) << "looking changes nothing";
}

TEST_P(AnomalyOfEveryKind, InAnyParameterNamesItsLayer) {
  const auto fresh = small_model(GetParam());
  for (const TensorView& view : fresh->state()) {
    if (view.type != DType::f32 || view.name.find("moment") != std::string::npos) continue;
    const auto model = small_model(GetParam());
    tensor(*model, view.name).back() = kNan;
    model->state_loaded();
    const std::string said = find(*model);
    const std::string layer = view.name.substr(0, view.name.find('/'));
    EXPECT_TRUE(said.starts_with("parameters") && said.find(layer) != std::string::npos && said.ends_with(" is nan"))
        << view.name << ": " << said;
  }
}

TEST_P(AnomalyOfEveryKind, InGivenGradientsIsNamed) {
  const auto model = small_model(GetParam());
  std::vector<float> gradients(model->gradient_size());
  gradients.back() = -std::numeric_limits<float>::infinity();
  const std::string last = GetParam() == "difflogic" ? "gradients of layer2: gate 99, gradient of cab is -inf"
                                                     : "gradient of classes/bias[4] is -inf";
  EXPECT_EQ(model->find_anomaly(gradients), last);
}

TEST_P(AnomalyOfEveryKind, AnotherTakesItsStateAndSaysTheSame) {
  const auto model = small_model(GetParam());
  for (int step = 0; step < 2; ++step) train_step(*model, step);
  const auto other = model->another();
  EXPECT_NE(snapshot(*other), snapshot(*model));
  load(*other, snapshot(*model));
  EXPECT_EQ(train_step(*other, 2), train_step(*model, 2));
  EXPECT_EQ(snapshot(*other), snapshot(*model));
}

TEST(AnomalyOfDiffLogic, NamesLayerGateParameterAndSample) {
  const auto model = small_model("difflogic");
  tensor(*model, "layer1/logits")[16 * 40 + 15] = kNan;
  model->state_loaded();
  EXPECT_EQ(find(*model), "parameters of layer1: gate 40, logit 15 (TRUE) is nan");
  Options steep = small_options("difflogic");
  steep.network.grad_factor = 1e25;
  const auto backward = make_model(steep, kShape, kClasses, 1, optimizer("adam"));
  const std::string said = find(*backward);
  EXPECT_TRUE(said.starts_with("backward of layer1: gradient of input ")) << said;
  EXPECT_NE(said.find("inf for sample 1"), std::string::npos) << said;
}

TEST(AnomalyOfAnMlp, NamesTheLayerOfEachDirection) {
  const auto forward = small_model("mlp");
  fill(*forward, "hidden0/bias", 1e30f);
  fill(*forward, "hidden1/weight", 1e30f);
  EXPECT_EQ(find(*forward), "forward of hidden1: output 0 is inf for sample 100");

  const auto loss = small_model("mlp");
  fill(*loss, "classes/weight", 0.0f);
  for (int i = 0; i < kClasses; ++i) tensor(*loss, "classes/bias")[static_cast<std::size_t>(i)] = i == 0 ? 3e38f : -3e38f;
  EXPECT_TRUE(find(*loss).starts_with("loss: cross entropy is inf for sample 1")) << find(*loss);

  const auto backward = small_model("mlp");  // small numbers forward, large ones back
  fill(*backward, "hidden0/weight", 0.0f);
  fill(*backward, "hidden0/bias", 1e-38f);
  fill(*backward, "hidden1/weight", 1e25f);
  fill(*backward, "hidden1/bias", 0.0f);
  fill(*backward, "classes/weight", 0.0f);
  for (int k = 0; k < 7; ++k) tensor(*backward, "classes/weight")[static_cast<std::size_t>(k)] = 1e25f;
  EXPECT_TRUE(find(*backward).starts_with("backward of relu0: gradient of output 0 is ")) << find(*backward);

  const auto weights = small_model("mlp");  // finite gradients of outputs, whose sum over samples is not
  const std::string said = find(*weights, 3e38);
  EXPECT_TRUE(said.starts_with("backward of classes: gradient of classes/")) << said;
}

TEST(AnomalyOfACnn, NamesTheLayerOfEachDirection) {
  const auto first = small_model("cnn");
  fill(*first, "conv0/weight", 3e38f);
  EXPECT_TRUE(find(*first).starts_with("forward of conv0: output ")) << find(*first);
  const auto second = small_model("cnn");
  fill(*second, "conv0/bias", 1e30f);
  fill(*second, "conv1/weight", 1e30f);
  EXPECT_TRUE(find(*second).starts_with("forward of conv1: output ")) << find(*second);
  const auto third = small_model("cnn");
  fill(*third, "conv1/bias", 1e30f);
  fill(*third, "hidden/weight", 1e30f);
  EXPECT_TRUE(find(*third).starts_with("forward of hidden: output ")) << find(*third);

  const auto backward = small_model("cnn");
  fill(*backward, "conv0/weight", 0.0f);
  fill(*backward, "conv0/bias", 1e-38f);
  fill(*backward, "conv1/weight", 1e18f);
  fill(*backward, "conv1/bias", 0.0f);
  fill(*backward, "hidden/weight", 1e15f);
  fill(*backward, "hidden/bias", 0.0f);
  fill(*backward, "classes/weight", 0.0f);
  for (int k = 0; k < 6; ++k) tensor(*backward, "classes/weight")[static_cast<std::size_t>(k)] = 1e15f;
  const std::string said = find(*backward);
  EXPECT_TRUE(said.starts_with("backward of pool0: gradient of output ") || said.starts_with("backward of conv1: ")) << said;
}

TEST(AnomalyOfNeuralNetworks, ANormOfFiniteGradientsIsNamed) {
  auto options = optimizer("adam");
  options.clip_norm = 1;
  const auto model = make_model(small_options("mlp"), kShape, kClasses, 1, options);
  std::vector<float> gradients(model->gradient_size(), 1e20f);
  gradients[1] = -2e20f;
  EXPECT_EQ(model->find_anomaly(gradients), "the norm of finite gradients, the largest -2e+20 of hidden0/weight[0, 1], is inf");
}

}  // namespace
}  // namespace dltonic::model
