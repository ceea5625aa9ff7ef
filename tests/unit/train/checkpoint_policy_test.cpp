#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "dltonic/train/checkpoint_fit.h"
#include "dltonic/train/checkpoint_options.h"

namespace dltonic::train {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Monitor kAccuracy{"accuracy_hard", false}, kLoss{"loss", true};

/// Newest first, as the store lists them: step 10 * i at the end of epoch i.
std::vector<RetentionEntry> run_of(const std::vector<std::optional<double>>& values) {
  std::vector<RetentionEntry> entries;
  for (std::size_t i = values.size(); i > 0; --i) {
    const auto step = static_cast<std::int64_t>(10 * i);
    entries.push_back({"s" + std::to_string(step), step, static_cast<double>(i), values[i - 1]});
  }
  return entries;
}

std::vector<std::string> given_up(const std::vector<std::optional<double>>& values, const CheckpointOptions& options,
                                  const Monitor& monitor = kAccuracy, const std::vector<std::string>& always = {}) {
  return train::given_up(run_of(values), options, monitor, always);
}

TEST(Retention, KeepsTheLastAndTheBest) {
  CheckpointOptions o{.keep_last = 2, .keep_best = 1};
  EXPECT_THAT(given_up({0.1, 0.9, 0.3, 0.4, 0.5}, o), ElementsAre("s10", "s30"));
  EXPECT_THAT(given_up({0.1, 0.9, 0.3, 0.4, 0.5}, o, kLoss), ElementsAre("s20", "s30"));
  EXPECT_THAT(given_up({0.1, 0.2}, o), IsEmpty());
  EXPECT_THAT(given_up({}, o), IsEmpty());
  o.keep_best = 3;
  EXPECT_THAT(given_up({0.1, 0.9, 0.3, 0.4, 0.2, 0.2}, o), ElementsAre("s10"));
}

TEST(Retention, AmongEqualsTheLaterOneIsTheBetter) {
  EXPECT_THAT(given_up({0.9, 0.9, 0.1, 0.1}, {.keep_last = 1}), ElementsAre("s10", "s30"));
}

TEST(Retention, WhatWasNotMeasuredIsNeverTheBest) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(given_up({0.2, std::nullopt, nan, 0.1, std::nullopt}, {.keep_last = 1}), ElementsAre("s20", "s30", "s40"));
  EXPECT_THAT(given_up({nan, 0.3, std::nullopt}, {.keep_last = 1}, kLoss), ElementsAre("s10"));
}

TEST(Retention, KeepsEverySoManyForGood) {
  const std::vector<std::optional<double>> values{0, 0, 0, 0, 0, 0, 0.1};
  EXPECT_THAT(given_up(values, {.keep_last = 1, .keep_every_epochs = 3}), ElementsAre("s10", "s20", "s40", "s50"));
  EXPECT_THAT(given_up(values, {.keep_last = 1, .keep_every_steps = 20}), ElementsAre("s10", "s30", "s50"));
  auto entries = run_of({0, 0, 0});
  entries[1].epoch = 1.5;  // saved in mid-epoch
  entries[2].epoch = 0;    // before the first step
  entries[2].step = 0;
  EXPECT_THAT(train::given_up(entries, {.keep_last = 1, .keep_every_epochs = 1, .keep_every_steps = 1000}, kAccuracy, {}),
              ElementsAre("s10", "s20"));
}

TEST(Retention, WhatIsNamedStays) {
  EXPECT_THAT(given_up({0.1, 0.2, 0.3, 0.4}, {.keep_last = 1}, kAccuracy, {"s20"}), ElementsAre("s10", "s30"));
}

// ---- does a checkpoint fit?

const FitFacts kHere{
    {"model", R"({"gates":400,"tau":"auto","hidden":[1,2]})"}, {"data", R"("abc")"}, {"train", R"({"seed":0})"}};

TEST(Fit, ListsEveryDifferenceWithBothValues) {
  EXPECT_THAT(fit_differences(fit_text(kHere), kHere, {}), IsEmpty());
  EXPECT_THAT(
      fit_differences(R"({"model":{"gates":800,"tau":"auto","hidden":[1,3]},"data":"abd","train":{"seed":0}})", kHere, {}),
      ElementsAre(R"(data: "abd" in the checkpoint, "abc" here)", "model.gates: 800 in the checkpoint, 400 here",
                  "model.hidden: [1,3] in the checkpoint, [1,2] here"));
}

TEST(Fit, LooksOnlyAtWhatBothName) {
  EXPECT_THAT(fit_differences(R"({"model":{"gates":400,"older_key":1},"splits":"x"})", kHere, {}), IsEmpty());
  EXPECT_THAT(fit_differences("", kHere, {}), IsEmpty());
}

TEST(Fit, WhatIsAllowedMayDifferWithAllBelowIt) {
  const std::string saved = R"({"model":{"gates":800,"tau":"1"},"data":"abd"})";
  EXPECT_THAT(fit_differences(saved, kHere, std::vector<std::string>{"model"}), ElementsAre(testing::StartsWith("data:")));
  EXPECT_THAT(fit_differences(saved, kHere, std::vector<std::string>{"data", "model.tau"}),
              ElementsAre(testing::StartsWith("model.gates:")));
  EXPECT_EQ(fit_differences(saved, kHere, std::vector<std::string>{"mod", "model.gate", "dat"}).size(), 3u);
}

TEST(Fit, WiringIsWhatIntegersSay) {
  std::vector<std::int32_t> a{1, 2, 3};
  std::vector<float> z{1, 2};
  std::vector<TensorView> state{{"layer0/logits", DType::f32, {2}, z.data()}, {"layer0/a", DType::i32, {3}, a.data()}};
  const std::string before = wiring_hash(state);
  z[0] = 5;
  EXPECT_EQ(wiring_hash(state), before);
  a[1] = 7;
  EXPECT_NE(wiring_hash(state), before);
  EXPECT_EQ(wiring_hash(std::span(state).first(1)), "");
}

}  // namespace
}  // namespace dltonic::train
