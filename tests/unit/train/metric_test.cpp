#include "dltonic/train/metric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"

namespace dltonic::train {
namespace {

class EveryMetric : public testing::TestWithParam<MetricKind> {};
INSTANTIATE_TEST_SUITE_P(Registry, EveryMetric, testing::ValuesIn(metric_kinds()),
                         [](const auto& test) { return test.param.name; });

/// A pass over samples as ranks share them out: sums of the shares, added up, give the value of the whole.
TEST_P(EveryMetric, IsTheSameBitsOnAnyNumberOfRanks) {
  constexpr int kClasses = 7, kSamples = 210;
  std::vector<std::vector<double>> logits(kSamples, std::vector<double>(kClasses));
  std::vector<int> labels(kSamples);
  Random random(5, Use::test, 1);
  for (int s = 0; s < kSamples; ++s) {
    for (double& x : logits[static_cast<std::size_t>(s)]) x = 8 * random.uniform();
    labels[static_cast<std::size_t>(s)] = static_cast<int>(random.uniform() * kClasses);
  }
  const auto value_on = [&](int ranks) {
    const auto total = GetParam().make(kClasses);
    for (int rank = 0; rank < ranks; ++rank) {
      const auto mine = GetParam().make(kClasses);
      for (int s = rank; s < kSamples; s += ranks)
        mine->add(logits[static_cast<std::size_t>(s)], labels[static_cast<std::size_t>(s)]);
      for (std::size_t i = 0; i < mine->sums().size(); ++i) total->sums()[i] += mine->sums()[i];
    }
    return total->value();
  };
  const double whole = value_on(1);
  EXPECT_TRUE(std::isfinite(whole));
  EXPECT_GT(whole, 0);
  for (const int ranks : {2, 3, 4, 210, 300}) EXPECT_EQ(value_on(ranks), whole) << ranks;
}

TEST_P(EveryMetric, KnowsWhichWayIsBetter) {
  const auto good = GetParam().make(6), bad = GetParam().make(6);
  for (int label = 0; label < 6; ++label) {
    std::vector<double> right(6), wrong(6, 1);
    right[static_cast<std::size_t>(label)] = 5;
    wrong[static_cast<std::size_t>(label)] = 0;
    good->add(right, label);
    bad->add(wrong, label);
  }
  EXPECT_TRUE(improves(GetParam().better, good->value(), bad->value())) << good->value() << " " << bad->value();
  EXPECT_FALSE(improves(GetParam().better, bad->value(), good->value()));
  EXPECT_EQ(GetParam().make(6)->value(), 0) << "of nothing";
}

TEST(Metrics, HaveNamesOfTheirOwn) {
  const auto names = metric_names();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  EXPECT_EQ(metric_kind("loss").better, Better::lower);
  try {
    metric_kind("acuracy_hard");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("(accuracy_hard?)"));
  }
}

TEST(Metrics, Top5CountsTheFirstFive) {
  for (const MetricKind& kind : metric_kinds()) {
    if (kind.name != "accuracy_top5") continue;
    const std::vector<double> logits{9, 8, 7, 6, 5, 5, 1};  // class 5 ties with class 4, which is the fifth
    const double expected[] = {1, 1, 1, 1, 1, 0, 0};
    for (int label = 0; label < 7; ++label) {
      const auto metric = kind.make(7);
      metric->add(logits, label);
      EXPECT_EQ(metric->value(), expected[label]) << label;
    }
  }
}

TEST(Metrics, ALossThatIsNotFiniteShows) {
  const auto loss = metric_kind("loss").make(2);
  loss->add(std::vector<double>{1, 0}, 0);
  EXPECT_NEAR(loss->value(), 0.31326168751822286, 1e-10);
  loss->add(std::vector<double>{std::nan(""), 0}, 0);
  EXPECT_TRUE(std::isnan(loss->value()));
  EXPECT_FALSE(improves(Better::lower, loss->value(), 1));
  EXPECT_TRUE(improves(Better::lower, 1, loss->value()));
}

}  // namespace
}  // namespace dltonic::train
