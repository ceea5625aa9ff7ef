/// The loss of the head against PyTorch's cross entropy with weights, smoothing and mixed labels.
#include "dltonic/logic/loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dltonic/logic/group_sum.h"

namespace dltonic::logic {
namespace {

constexpr int kSamples = 3, kOf = 4;  // classes
// [sample][class]
constexpr double kLogits[kSamples][kOf] = {{0.5, -1.25, 2.0, 0.0}, {3.0, 0.25, -0.5, 1.0}, {-2.0, 0.75, 0.125, -0.25}};
const std::vector<std::uint16_t> kFirst{2, 1, 3}, kSecond{0, 1, 2};
const std::vector<float> kShare{0.75F, 0.5F, 0.6F};
const LossOptions kWeighted{.label_smoothing = 0.1, .class_weights = {0.5F, 2.0F, 1.25F, 0.75F}};

struct Result {
  std::vector<double> loss = std::vector<double>(kSamples);
  std::vector<std::uint8_t> correct = std::vector<std::uint8_t>(kSamples);
  std::vector<double> table;
  cpu::Tile tile{16, 16};
  double gradient(int sample, int k) const {
    return table[static_cast<std::size_t>(k) * tile.stride + static_cast<std::size_t>(sample)];
  }
};

Result loss_of(const Targets& targets, const LossOptions& options, const double (&logits)[kSamples][kOf] = kLogits) {
  Result result;
  std::vector<double> parts(kOf * result.tile.stride);
  result.table.resize(parts.size(), -1);
  for (int s = 0; s < kSamples; ++s) {
    for (int k = 0; k < kOf; ++k)
      parts[static_cast<std::size_t>(k) * result.tile.stride + static_cast<std::size_t>(s)] = logits[s][k];
  }
  cpu::group_loss(parts.data(), 1, kOf, result.tile, kSamples, 1.0, 1.0, targets, options, result.loss.data(),
                  result.correct.data(), result.table.data());
  return result;
}

void expect(const Result& got, const double (&losses)[kSamples], const double (&gradients)[kSamples][kOf], double within) {
  for (int s = 0; s < kSamples; ++s) {
    EXPECT_NEAR(got.loss[static_cast<std::size_t>(s)], losses[s], within) << s;
    for (int k = 0; k < kOf; ++k) EXPECT_NEAR(got.gradient(s, k), gradients[s][k], within) << s << ", class " << k;
  }
}

// torch.nn.functional.cross_entropy(x, a, weight=w, label_smoothing=0.1, reduction="none"), float64, PyTorch 2.11
TEST(Loss, WeightsAndSmoothingArePytorchs) {
  expect(loss_of({kFirst.data()}, kWeighted), {0.6326920330970324, 5.629450601564299, 1.2804350286204662},
         {{0.18512076816473397, -0.015658659808307992, -0.2705751632442993, 0.10111305488787348},
          {1.5430603101143294, -1.7505563563963482, 0.015723851121063073, 0.1917721951609558},
          {0.013093000340827795, 0.3503418831434717, 0.18303756826735731, -0.5464724517516568}},
         1e-14);
}

TEST(Loss, MixedLabelsAreSharesOfTwoLosses) {
  expect(loss_of({kFirst.data(), kSecond.data(), kShare.data()}, kWeighted),
         {0.7449953922201644, 5.629450601564299, 1.413463035162287},
         {{0.045672481596815695, -0.020341569834447817, -0.11009900462007671, 0.0847680928577089},
          {1.5430603101143294, -1.7505563563963482, 0.015723851121063073, 0.1917721951609558},
          {0.018942828990159862, 0.441848599290551, -0.21798241612867536, -0.24280901215203546}},
         1e-7);  // shares are float32
}

TEST(Loss, GradientsAreDifferencesOfTheLoss) {
  const Targets targets{kFirst.data(), kSecond.data(), kShare.data()};
  const Result at = loss_of(targets, kWeighted);
  constexpr double h = 1e-6;
  for (int s = 0; s < kSamples; ++s) {
    for (int k = 0; k < kOf; ++k) {
      double up[kSamples][kOf], down[kSamples][kOf];
      for (int i = 0; i < kSamples * kOf; ++i) up[i / kOf][i % kOf] = down[i / kOf][i % kOf] = kLogits[i / kOf][i % kOf];
      up[s][k] += h;
      down[s][k] -= h;
      const auto i = static_cast<std::size_t>(s);
      const double slope = (loss_of(targets, kWeighted, up).loss[i] - loss_of(targets, kWeighted, down).loss[i]) / (2 * h);
      EXPECT_NEAR(at.gradient(s, k), slope, 1e-8) << s << ", class " << k;
    }
  }
}

TEST(Loss, WithNothingSetItIsPlainCrossEntropyBitForBit) {
  const Result plain = loss_of({kFirst.data()}, {});
  const std::vector<float> whole(kSamples, 1.0F);
  for (const Result& same : {loss_of({kFirst.data()}, {.label_smoothing = 0, .class_weights = {1, 1, 1, 1}}),
                             loss_of({kFirst.data(), kSecond.data(), whole.data()}, {})}) {
    EXPECT_EQ(same.loss, plain.loss);
    EXPECT_EQ(same.table, plain.table);
  }
  for (int s = 0; s < kSamples; ++s) {
    double sum = 0;
    for (const double x : kLogits[s]) sum += std::exp(x);
    EXPECT_NEAR(plain.loss[static_cast<std::size_t>(s)], std::log(sum) - kLogits[s][kFirst[static_cast<std::size_t>(s)]],
                1e-15);
  }
  EXPECT_EQ(plain.correct, (std::vector<std::uint8_t>{1, 0, 0}));
}

TEST(Loss, AnInfiniteScoreOfAnotherClassIsNoNan) {
  double logits[kSamples][kOf] = {{0, 0, -INFINITY, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
  const std::vector<std::uint16_t> labels{0, 1, 3};
  EXPECT_NEAR(loss_of({labels.data()}, {}, logits).loss[0], std::log(3.0), 1e-15);
}

}  // namespace
}  // namespace dltonic::logic
