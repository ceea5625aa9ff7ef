/// mlp and cnn against the same networks written out in plain loops, in double; gradients against finite differences of
/// those.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "dltonic/core/error.h"
#include "unit/model/model_fixture.h"

namespace dltonic::model {
namespace {

using Values = std::vector<double>;
using Weights = std::map<std::string, Values>;

/// Parameters of a LibTorch model (not its moments), in the order of its gradients.
std::vector<TensorView> parameters(Model& model) {
  std::vector<TensorView> kept;
  for (const TensorView& view : model.state()) {
    if (view.name.ends_with("/weight") || view.name.ends_with("/bias")) kept.push_back(view);
  }
  return kept;
}

Weights weights(Model& model) {
  Weights all;
  for (const TensorView& view : parameters(model)) {
    const auto* data = static_cast<const float*>(view.data);
    all[view.name] = Values(data, data + view.elements());
  }
  return all;
}

Values frame(const data::Batch& batch, std::size_t i) {
  Values x(batch.bits.bits());
  for (std::size_t f = 0; f < x.size(); ++f) x[f] = batch.bits.get(i, f);
  return x;
}

Values linear(const Weights& w, const std::string& layer, const Values& x) {
  const Values &weight = w.at(layer + "/weight"), &bias = w.at(layer + "/bias");
  Values y = bias;
  for (std::size_t o = 0; o < y.size(); ++o)
    for (std::size_t i = 0; i < x.size(); ++i) y[o] += weight[o * x.size() + i] * x[i];
  return y;
}

Values relu(Values x) {
  for (double& v : x) v = std::max(v, 0.0);
  return x;
}

struct Planes {
  int channels, height, width;
  Values v;
  double at(int c, int y, int x) const {
    return y < 0 || x < 0 || y >= height || x >= width ? 0 : v[static_cast<std::size_t>((c * height + y) * width + x)];
  }
};

Planes convolve(const Weights& w, const std::string& layer, const Planes& in, int kernel) {
  const Values &weight = w.at(layer + "/weight"), &bias = w.at(layer + "/bias");
  Planes out{static_cast<int>(bias.size()), in.height, in.width, {}};
  for (int o = 0; o < out.channels; ++o)
    for (int y = 0; y < in.height; ++y)
      for (int x = 0; x < in.width; ++x) {
        double sum = bias[static_cast<std::size_t>(o)];
        for (int c = 0; c < in.channels; ++c)
          for (int ky = 0; ky < kernel; ++ky)
            for (int kx = 0; kx < kernel; ++kx)
              sum += weight[static_cast<std::size_t>(((o * in.channels + c) * kernel + ky) * kernel + kx)] *
                     in.at(c, y + ky - kernel / 2, x + kx - kernel / 2);
        out.v.push_back(sum);
      }
  return out;
}

Planes pool(const Planes& in) {
  Planes out{in.channels, in.height / 2, in.width / 2, {}};
  for (int c = 0; c < out.channels; ++c)
    for (int y = 0; y < out.height; ++y)
      for (int x = 0; x < out.width; ++x)
        out.v.push_back(std::max(
            {in.at(c, 2 * y, 2 * x), in.at(c, 2 * y, 2 * x + 1), in.at(c, 2 * y + 1, 2 * x), in.at(c, 2 * y + 1, 2 * x + 1)}));
  return out;
}

Values scores_of(const std::string& kind, const Weights& w, const Values& x) {
  if (kind == "mlp") return linear(w, "classes", relu(linear(w, "hidden1", relu(linear(w, "hidden0", x)))));
  Planes planes{kShape.channels, kShape.height, kShape.width, x};
  for (const auto& [layer, kernel] : {std::pair{"conv0", 5}, std::pair{"conv1", 3}}) {
    planes = convolve(w, layer, planes, kernel);
    planes.v = relu(planes.v);
    planes = pool(planes);
  }
  return linear(w, "classes", relu(linear(w, "hidden", planes.v)));
}

double loss_of(const std::string& kind, const Weights& w, const data::Batch& batch) {
  double loss = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Values z = scores_of(kind, w, frame(batch, i));
    double sum = 0;
    for (const double v : z) sum += std::exp(v);
    loss += std::log(sum) - z[batch.labels[i]];
  }
  return loss;
}

class Neural : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Models, Neural, testing::Values("mlp", "cnn"), [](const auto& test) { return test.param; });

TEST_P(Neural, ScoresAreThoseOfThePlainLoops) {
  const auto model = small_model(GetParam());
  const Weights w = weights(*model);
  const auto batch = random_batch(0, 6);
  std::vector<float> scores(6 * kClasses);
  model->logits(batch, Reading::soft, scores);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Values expected = scores_of(GetParam(), w, frame(batch, i));
    for (std::size_t c = 0; c < kClasses; ++c)
      EXPECT_NEAR(scores[i * kClasses + c], expected[c], 1e-5) << "sample " << i << ", class " << c;
  }
}

TEST_P(Neural, GradientsAreThoseOfFiniteDifferences) {
  const auto model = small_model(GetParam());
  Weights w = weights(*model);
  const auto batch = random_batch(0, 6);
  const double inverse_batch = 1.0 / 11;  // a part of a global batch of 11
  std::vector<float> gradients(model->gradient_size(), 0.0f);
  const StepResult result = model->forward_backward(batch, {inverse_batch}, gradients);
  EXPECT_NEAR(result.loss_sum, loss_of(GetParam(), w, batch), 1e-5);

  std::size_t next = 0, alive = 0;
  for (const TensorView& view : parameters(*model)) {
    const std::size_t stride = view.elements() > 500 ? 7 : 1;
    for (std::size_t i = 0; i < view.elements(); ++i, ++next) {
      if (i % stride != 0) continue;
      double& value = w[view.name][i];
      const double kept = value, step = 1e-6;
      value = kept + step;
      const double above = loss_of(GetParam(), w, batch);
      value = kept - step;
      const double below = loss_of(GetParam(), w, batch);
      value = kept;
      ASSERT_NEAR(gradients[next], inverse_batch * (above - below) / (2 * step), 2e-6) << view.name << "[" << i << "]";
      alive += gradients[next] != 0.0f;
    }
  }
  EXPECT_EQ(next, model->gradient_size());
  EXPECT_GT(alive, 100u);
}

TEST_P(Neural, StepsAreThoseOfTheirOptimizers) {
  // Two steps by hand on every parameter; gradients are given, so that only the update is looked at.
  const auto gradient = [](std::size_t i, int step) { return 0.1 * std::sin(1.7 * static_cast<double>(i) + step) + 0.01; };
  const double rates[] = {0.05, 0.02}, decay = 0.01, momentum = 0.9, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  const std::map<std::string, std::function<double(double, std::size_t)>> by_hand{
      {"sgd",
       [&](double w, std::size_t i) {
         double v = 0;
         for (int s = 0; s < 2; ++s) v = momentum * v + gradient(i, s) + decay * w, w -= rates[s] * v;
         return w;
       }},
      {"adam",
       [&](double w, std::size_t i) {
         double m = 0, v = 0;
         for (int s = 0; s < 2; ++s) {
           const double g = gradient(i, s) + decay * w;
           m = beta1 * m + (1 - beta1) * g, v = beta2 * v + (1 - beta2) * g * g;
           w -= rates[s] * (m / (1 - std::pow(beta1, s + 1))) / (std::sqrt(v / (1 - std::pow(beta2, s + 1))) + epsilon);
         }
         return w;
       }},
      {"adamw", [&](double w, std::size_t i) {
         double m = 0, v = 0;
         for (int s = 0; s < 2; ++s) {
           const double g = gradient(i, s);
           w -= rates[s] * decay * w;
           m = beta1 * m + (1 - beta1) * g, v = beta2 * v + (1 - beta2) * g * g;
           w -= rates[s] * (m / (1 - std::pow(beta1, s + 1))) / (std::sqrt(v / (1 - std::pow(beta2, s + 1))) + epsilon);
         }
         return w;
       }}};
  for (const auto& [name, expected] : by_hand) {
    const auto model = small_model(GetParam(), 1, name);
    const Weights before = weights(*model);
    for (int step = 0; step < 2; ++step) {
      std::vector<float> gradients(model->gradient_size());
      for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] = static_cast<float>(gradient(i, step));
      model->update(gradients, rates[step]);
    }
    const Weights after = weights(*model);
    std::size_t next = 0;
    for (const TensorView& view : parameters(*model)) {
      for (std::size_t i = 0; i < view.elements(); ++i, ++next)
        ASSERT_NEAR(after.at(view.name)[i], expected(before.at(view.name)[i], next), 2e-6)
            << name << ", " << view.name << "[" << i << "]";
    }
  }
}

TEST_P(Neural, WeightsAreDrawnWithinTheirFanIn) {
  const auto model = small_model(GetParam());
  double bound = 0;
  for (const TensorView& view : parameters(*model)) {
    if (view.shape.size() > 1) bound = 1 / std::sqrt(static_cast<double>(view.elements() / view.shape[0]));
    const Values values = weights(*model).at(view.name);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    EXPECT_GE(*least, -bound) << view.name;
    EXPECT_LE(*most, bound) << view.name;
    if (values.size() > 50) {
      EXPECT_LT(*least, -0.9 * bound) << view.name;
      EXPECT_GT(*most, 0.9 * bound) << view.name;
    }
  }
}

TEST(Cnn, NeedsFourByFourPixels) {
  EXPECT_NO_THROW(make_model(small_options("cnn"), {1, 4, 4}, 3, 1, {}));
  EXPECT_THROW(make_model(small_options("cnn"), {1, 4, 3}, 3, 1, {}), ConfigError);
}

TEST(Cnn, HasTwoConvolutions) {
  Options options = small_options("cnn");
  options.channels = {8};
  EXPECT_THROW(make_model(options, kShape, kClasses, 1, {}), ConfigError);
}

TEST(Mlp, HasAHiddenLayer) {
  Options options = small_options("mlp");
  options.hidden = {};
  EXPECT_THROW(make_model(options, kShape, kClasses, 1, {}), ConfigError);
  options.hidden = {6};
  EXPECT_EQ(make_model(options, kShape, kClasses, 1, {})->gradient_size(), 144u * 6 + 6 + 6 * 5 + 5);
}

}  // namespace
}  // namespace dltonic::model
