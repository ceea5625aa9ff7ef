#include "dltonic/train/confusion.h"

#include <gtest/gtest.h>

namespace dltonic::train {
namespace {

TEST(Confusion, AgreesWithScikitLearn) {
  // sklearn.metrics.precision_recall_fscore_support(y, p, labels=[0, 1, 2, 3], zero_division=0); class 3 is never seen
  const int y[] = {0, 0, 0, 1, 1, 2, 2, 2, 2, 1};
  const int p[] = {0, 1, 0, 1, 1, 2, 0, 2, 3, 2};
  Confusion confusion(4);
  for (int i = 0; i < 10; ++i) confusion.add(y[i], p[i]);
  const double precision[] = {2.0 / 3, 2.0 / 3, 2.0 / 3, 0}, recall[] = {2.0 / 3, 2.0 / 3, 0.5, 0},
               f1[] = {2.0 / 3, 2.0 / 3, 4.0 / 7, 0};
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_DOUBLE_EQ(confusion.precision()[c], precision[c]);
    EXPECT_DOUBLE_EQ(confusion.recall()[c], recall[c]);
    EXPECT_DOUBLE_EQ(confusion.f1()[c], f1[c]);
  }
  EXPECT_DOUBLE_EQ(confusion.accuracy(), 0.6);
  EXPECT_DOUBLE_EQ(mean(confusion.recall()), (2.0 / 3 + 2.0 / 3 + 0.5) / 4);
  EXPECT_EQ(confusion.total(), 10);
  EXPECT_EQ(Confusion(3).accuracy(), 0);
}

TEST(CrossEntropy, IsStableForLargeLogits) {
  const double logits[] = {1000.0, 999.0, -1000.0};
  EXPECT_NEAR(cross_entropy(logits, 0), 0.31326168751822286, 1e-12);
  EXPECT_NEAR(cross_entropy(logits, 1), 1.3132616875182228, 1e-12);
  EXPECT_NEAR(cross_entropy(logits, 2), 2000.3132616875182, 1e-9);
}

TEST(Argmax, TakesTheFirstAmongEquals) {
  const double scores[] = {1, 3, 3, 2};
  EXPECT_EQ(argmax(scores), 1);
}

}  // namespace
}  // namespace dltonic::train
