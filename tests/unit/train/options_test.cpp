#include "dltonic/train/options.h"

#include <gtest/gtest.h>

namespace dltonic::train {
namespace {

TEST(LossOptions, BalancedWeightsAreScikitLearns) {
  Options options;
  options.class_weights = "balanced";
  options.label_smoothing = 0.1;
  // sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 3], y=[0] * 50 + [1] * 30 + [3] * 20)
  const logic::LossOptions loss = options.loss(std::vector<std::uint64_t>{50, 30, 0, 20});
  ASSERT_EQ(loss.class_weights.size(), 4u);
  EXPECT_FLOAT_EQ(loss.class_weights[0], 0.6666667F);
  EXPECT_FLOAT_EQ(loss.class_weights[1], 1.1111112F);
  EXPECT_FLOAT_EQ(loss.class_weights[2], 1.0F);  // no sample has it
  EXPECT_FLOAT_EQ(loss.class_weights[3], 1.6666666F);
  EXPECT_EQ(loss.label_smoothing, 0.1);
  EXPECT_TRUE(Options{}.loss(std::vector<std::uint64_t>{50, 30}).class_weights.empty());
}

}  // namespace
}  // namespace dltonic::train
