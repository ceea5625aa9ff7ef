/// What training relies on, over every registered kind of model (and every optimiser, where it matters).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dltonic/core/error.h"
#include "unit/model/model_fixture.h"

namespace dltonic::model {
namespace {

class EveryKind : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Models, EveryKind, testing::ValuesIn(model_kinds()), [](const auto& test) { return test.param; });

TEST_P(EveryKind, GivesOneFiniteScoreASampleAndClass) {
  const auto model = small_model(GetParam());
  const auto batch = random_batch(0, 70);
  for (const Reading reading : {Reading::soft, Reading::hard}) {
    std::vector<float> scores(70 * kClasses, std::nanf(""));
    model->logits(batch, reading, scores);
    EXPECT_TRUE(std::all_of(scores.begin(), scores.end(), [](float x) { return std::isfinite(x); }));
  }
  std::vector<float> too_small(70 * kClasses - 1);
  EXPECT_ANY_THROW(model->logits(batch, Reading::soft, too_small));
}

TEST_P(EveryKind, ReadsHardAndSoftAlikeWhereItHasNoGates) {
  const auto model = small_model(GetParam());
  const auto batch = random_batch(0, 40);
  std::vector<float> soft(40 * kClasses), hard(40 * kClasses);
  model->logits(batch, Reading::soft, soft);
  model->logits(batch, Reading::hard, hard);
  EXPECT_EQ(soft == hard, !model->has_gates());
}

TEST_P(EveryKind, LossAndHitsAreThoseOfTheSoftScores) {
  const auto model = small_model(GetParam());
  const auto batch = random_batch(0, 33);
  std::vector<float> scores(33 * kClasses);
  model->logits(batch, Reading::soft, scores);
  double loss = 0;
  std::int64_t correct = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const float* z = scores.data() + i * kClasses;
    double sum = 0;
    for (int c = 0; c < kClasses; ++c) sum += std::exp(double{z[c]});
    loss += std::log(sum) - z[batch.labels[i]];
    correct += std::max_element(z, z + kClasses) - z == batch.labels[i];
  }
  std::vector<float> gradients(model->gradient_size(), 0.0f);
  const StepResult result = model->forward_backward(batch, {1.0 / 33}, gradients);
  EXPECT_NEAR(result.loss_sum, loss, 1e-5 * loss);  // not divided by the batch
  EXPECT_EQ(result.correct, correct);
}

/// Sum and gradients are linear in the loss: class weights scale those of a class, shares of two labels add up.
TEST_P(EveryKind, WeightsAndSharesOfLabelsAreLinear) {
  const StepContext context{1.0 / 20};
  const auto passes = [&](const logic::LossOptions& loss, const data::Batch& batch) {
    const auto model = make_model(small_options(GetParam()), kShape, kClasses, 1, optimizer("adam"), loss);
    std::vector<float> gradients(model->gradient_size(), 0.0f);
    const double sum = model->forward_backward(batch, context, gradients).loss_sum;
    return std::pair(sum, gradients);
  };
  const auto expect_sum = [](const auto& got, double a, const auto& one, double b, const auto& two) {
    EXPECT_NEAR(got.first, a * one.first + b * two.first, 1e-5 * std::abs(got.first));
    double most = 0;
    for (const float g : got.second) most = std::max<double>(most, std::abs(g));
    EXPECT_GT(most, 0);
    for (std::size_t i = 0; i < got.second.size(); ++i)
      EXPECT_NEAR(got.second[i], a * one.second[i] + b * two.second[i], 2e-5 * most) << i;
  };
  auto batch = random_batch(0, 20);
  std::fill(batch.labels.begin(), batch.labels.end(), std::uint16_t{3});
  const auto plain = passes({}, batch);
  const std::vector<float> weights{1, 1, 1, 2.5F, 1};
  expect_sum(passes({.label_smoothing = 0, .class_weights = weights}, batch), 2.5, plain, 0, plain);

  const logic::LossOptions loss{.label_smoothing = 0.2, .class_weights = {0.5F, 2, 1, 1, 3}};
  const auto first = passes(loss, batch);
  auto other = batch;
  std::fill(other.labels.begin(), other.labels.end(), std::uint16_t{1});
  const auto second = passes(loss, other);
  batch.second_labels = other.labels;
  batch.label_share.assign(20, 0.625F);
  expect_sum(passes(loss, batch), 0.625, first, 0.375, second);
}

TEST_P(EveryKind, RefusesWeightsOfOtherClasses) {
  EXPECT_THROW(make_model(small_options(GetParam()), kShape, kClasses, 1, optimizer("adam"),
                          {.label_smoothing = 0, .class_weights = {1, 2}}),
               ConfigError);
}

/// What makes any split of a global batch over ranks and micro-batches the same step.
TEST_P(EveryKind, AddsTheGradientsOfABatchsParts) {
  const auto model = small_model(GetParam());
  const StepContext context{1.0 / 150};
  std::vector<float> whole(model->gradient_size(), 0.0f), parts(model->gradient_size(), 0.0f);
  const StepResult all = model->forward_backward(random_batch(0, 150), context, whole);
  StepResult sum;
  std::uint32_t first = 0;
  for (const std::uint32_t count : {1u, 64u, 0u, 85u}) {
    const StepResult part = model->forward_backward(random_batch(first, count), context, parts);
    sum.loss_sum += part.loss_sum;
    sum.correct += part.correct;
    first += count;
  }
  EXPECT_NEAR(sum.loss_sum, all.loss_sum, 1e-6 * all.loss_sum);
  EXPECT_EQ(sum.correct, all.correct);
  const float largest =
      std::abs(*std::max_element(whole.begin(), whole.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  ASSERT_GT(largest, 0.0f);
  for (std::size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(parts[i], whole[i], 1e-5f * largest) << "gradient " << i;
}

TEST_P(EveryKind, GradientsScaleWithTheInverseOfTheGlobalBatch) {
  const auto model = small_model(GetParam());
  const auto batch = random_batch(0, 16);
  std::vector<float> of_16(model->gradient_size(), 0.0f), of_64(model->gradient_size(), 0.0f);
  model->forward_backward(batch, {1.0 / 16}, of_16);
  model->forward_backward(batch, {1.0 / 64}, of_64);
  for (std::size_t i = 0; i < of_16.size(); ++i)
    ASSERT_NEAR(4 * of_64[i], of_16[i], 1e-5f * (std::abs(of_16[i]) + 1e-3f)) << "gradient " << i;
}

TEST_P(EveryKind, LearnsABatchByHeart) {
  auto no_decay = optimizer("adam");
  no_decay.weight_decay = 0;  // it would outweigh the small gradients of gate logits
  const auto model = make_model(small_options(GetParam()), kShape, kClasses, 1, no_decay);
  const auto batch = random_batch(0, 20);
  std::vector<double> losses;
  for (int step = 0; step < 60; ++step) {
    std::vector<float> gradients(model->gradient_size(), 0.0f);
    losses.push_back(model->forward_backward(batch, {1.0 / 20, 1, step}, gradients).loss_sum);
    model->update(gradients, 0.02);
  }
  EXPECT_LT(losses.back(), 0.7 * losses.front());
}

/// With SGD at rate 1 a step moves the parameters by the gradient itself, of a gate network: by that of its logits.
struct Moved {
  std::vector<double> by;
  double norm = 0, told = 0;
};
Moved moved(const std::string& kind, double clip_value, double clip_norm) {
  logic::OptimizerOptions sgd;
  sgd.kind = "sgd";
  sgd.clip_value = clip_value;
  sgd.clip_norm = clip_norm;
  const auto model = make_model(small_options(kind), kShape, kClasses, 1, sgd);
  std::vector<float> gradients(model->gradient_size(), 0.0f);
  model->forward_backward(random_batch(0, 50), {1.0 / 50}, gradients);
  const Snapshot before = snapshot(*model);
  Moved result;
  result.told = model->update(gradients, 1);
  for (const TensorView& view : model->state()) {
    if (view.type != DType::f32 || view.name.find("moment") != std::string::npos) continue;
    const auto* now = static_cast<const float*>(view.data);
    const auto* was = reinterpret_cast<const float*>(before.at(view.name).data());
    for (std::size_t i = 0; i < view.bytes() / sizeof(float); ++i) result.by.push_back(double{was[i]} - double{now[i]});
  }
  for (const double g : result.by) result.norm += g * g;
  result.norm = std::sqrt(result.norm);
  return result;
}

TEST_P(EveryKind, ClipsItsGradientByValueAndByNorm) {
  const Moved whole = moved(GetParam(), 0, 0);
  EXPECT_EQ(whole.told, 0) << "nobody asked";
  const double largest = std::abs(*std::max_element(whole.by.begin(), whole.by.end()));
  const double limit = 0.3 * largest;
  // Parameters near 1 move by what float keeps of a gradient.
  const double near = 3e-7;
  const Moved by_value = moved(GetParam(), limit, 0), by_norm = moved(GetParam(), 0, 0.4 * whole.norm),
              both = moved(GetParam(), limit, 0.5 * by_value.norm), free = moved(GetParam(), 0, 2 * whole.norm);
  for (std::size_t i = 0; i < whole.by.size(); ++i) {
    const double cut = std::clamp(whole.by[i], -limit, limit);
    EXPECT_NEAR(by_value.by[i], cut, near);
    EXPECT_NEAR(by_norm.by[i], 0.4 * whole.by[i], near);
    EXPECT_NEAR(both.by[i], 0.5 * cut, near);
    EXPECT_EQ(free.by[i], whole.by[i]);
  }
  EXPECT_NEAR(by_norm.told, whole.norm, 1e-3 * whole.norm);
  EXPECT_NEAR(both.told, by_value.norm, 1e-3 * by_value.norm);
  EXPECT_NEAR(free.told, whole.norm, 1e-3 * whole.norm);
}

TEST_P(EveryKind, StaysAsItIsWhereTheNormIsNotFinite) {
  logic::OptimizerOptions adam;
  adam.clip_norm = 1;
  const auto model = make_model(small_options(GetParam()), kShape, kClasses, 1, adam);
  std::vector<float> gradients(model->gradient_size(), 0.0f);
  model->forward_backward(random_batch(0, 50), {1.0 / 50}, gradients);
  gradients[gradients.size() / 2] = std::nanf("");
  const Snapshot before = snapshot(*model);
  EXPECT_FALSE(std::isfinite(model->update(gradients, 0.1)));
  EXPECT_EQ(snapshot(*model), before);
}

TEST_P(EveryKind, IsAFunctionOfItsSeed) {
  const auto one = small_model(GetParam(), 5), same = small_model(GetParam(), 5), other = small_model(GetParam(), 6);
  EXPECT_NE(snapshot(*one), snapshot(*other));
  for (int step = 0; step < 3; ++step) {
    EXPECT_EQ(train_step(*one, step), train_step(*same, step));
  }
  EXPECT_EQ(snapshot(*one), snapshot(*same));
}

TEST_P(EveryKind, RefusesWhatItWasNotMadeFor) {
  const auto model = small_model(GetParam());
  std::vector<float> gradients(model->gradient_size(), 0.0f), scores(3 * kClasses);
  EXPECT_THROW(model->forward_backward(random_batch(0, 3, {2, 9, 9}), {}, gradients), DataError);
  EXPECT_THROW(model->logits(random_batch(0, 3, {2, 9, 9}), Reading::hard, scores), DataError);
  auto batch = random_batch(0, 3);
  batch.labels[1] = kClasses;
  try {
    model->forward_backward(batch, {}, gradients);
    FAIL() << "label " << kClasses << " was taken";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "sample 1 has label 5, but the model has 5 classes");
  }
  EXPECT_TRUE(std::all_of(gradients.begin(), gradients.end(), [](float g) { return g == 0.0f; }));
  std::vector<float> too_small(model->gradient_size() - 1);
  EXPECT_ANY_THROW(model->forward_backward(random_batch(0, 3), {}, too_small));
  EXPECT_ANY_THROW(model->update(too_small, 0.01));
}

TEST_P(EveryKind, SummaryNamesItsKindAndParameters) {
  const auto model = small_model(GetParam());
  const std::string summary = model->summary();
  EXPECT_EQ(summary.rfind(GetParam() + ": ", 0), 0u) << summary;
  EXPECT_NE(summary.find(" parameters"), std::string::npos) << summary;
  EXPECT_NE(summary.back(), '\n');
}

class EveryKindAndOptimizer : public testing::TestWithParam<std::tuple<std::string, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Models, EveryKindAndOptimizer,
                         testing::Combine(testing::ValuesIn(model_kinds()), testing::Values("adam", "adamw", "sgd")),
                         [](const auto& test) { return std::get<0>(test.param) + "_" + std::get<1>(test.param); });

TEST_P(EveryKindAndOptimizer, GoesOnFromItsStateBitForBit) {
  const auto& [kind, optimizer_kind] = GetParam();
  const auto model = small_model(kind, 1, optimizer_kind);
  for (int step = 0; step < 3; ++step) train_step(*model, step);
  const Snapshot middle = snapshot(*model);

  // Another seed: what is not in the state (weights, moments, wiring, counters) would differ.
  const auto resumed = small_model(kind, 2, optimizer_kind);
  load(*resumed, middle);
  EXPECT_EQ(snapshot(*resumed), middle);
  for (int step = 3; step < 6; ++step) EXPECT_EQ(train_step(*model, step), train_step(*resumed, step)) << "step " << step;
  EXPECT_EQ(snapshot(*model), snapshot(*resumed));
  EXPECT_NE(snapshot(*model), middle);
}

/// Loading also takes back a model that has gone on: best weights are restored so.
TEST_P(EveryKindAndOptimizer, GoesBackToAnEarlierState) {
  const auto& [kind, optimizer_kind] = GetParam();
  const auto model = small_model(kind, 1, optimizer_kind);
  const Snapshot fresh = snapshot(*model);
  std::vector<double> first, second;
  for (int step = 0; step < 3; ++step) first.push_back(train_step(*model, step));
  load(*model, fresh);
  for (int step = 0; step < 3; ++step) second.push_back(train_step(*model, step));
  EXPECT_EQ(first, second);
}

TEST_P(EveryKindAndOptimizer, ItsStateStaysWhereItIs) {
  const auto& [kind, optimizer_kind] = GetParam();
  const auto model = small_model(kind, 1, optimizer_kind);
  const auto before = model->state();
  for (int step = 0; step < 2; ++step) train_step(*model, step);
  const auto after = model->state();
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].name, after[i].name);
    EXPECT_EQ(before[i].data, after[i].data) << before[i].name;
    EXPECT_EQ(before[i].shape, after[i].shape) << before[i].name;
  }
}

}  // namespace
}  // namespace dltonic::model
