#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "dltonic/core/error.h"
#include "unit/model/model_fixture.h"

namespace dltonic::model {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(DiffLogic, SaysThatGatesWereRoundedUp) {
  EXPECT_THAT(small_model("difflogic")->summary(),
              HasSubstr("gates: 98 rounded up to 100 in every layer, a multiple of the 5 classes"));
  Options options = small_options("difflogic");
  options.network.gates = 100;
  EXPECT_THAT(make_model(options, kShape, kClasses, 1, {})->summary(), Not(HasSubstr("rounded")));
}

TEST(DiffLogic, SaysWhichShareOfTheInputsIsNotUsed) {
  Options options = small_options("difflogic");
  EXPECT_THAT(make_model(options, kShape, kClasses, 1, {})->summary(), Not(HasSubstr("unused")));
  options.network.gates = 50;
  testing::internal::CaptureStderr();
  const auto model = make_model(options, kShape, kClasses, 1, {});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("50 gates a layer read 100 of 144 input bits"));
  EXPECT_THAT(model->summary(), HasSubstr("unused inputs: 44 of 144 bits (30.6 %)"));
}

TEST(DiffLogic, ReducesFourSumsAGate) {
  const auto model = small_model("difflogic");
  EXPECT_TRUE(model->has_gates());
  EXPECT_EQ(model->gradient_size(), 3u * 100 * 4);
}

TEST(DiffLogic, RefusesBrokenWiring) {
  const auto model = small_model("difflogic");
  Snapshot state = snapshot(*model);
  const std::int32_t outside = 100000;
  std::memcpy(state.at("layer0/a").data(), &outside, sizeof outside);
  EXPECT_THROW(load(*model, state), DataError);
}

/// A circuit's class score is a count of set bits over tau.
TEST(DiffLogic, HardScoresAreCounts) {
  Options options = small_options("difflogic");
  options.network.tau = "4";
  const auto model = make_model(options, kShape, kClasses, 1, {});
  std::vector<float> scores(70 * kClasses);
  model->logits(random_batch(0, 70), Reading::hard, scores);
  for (const float score : scores) {
    EXPECT_EQ(score * 4, std::round(score * 4));
    EXPECT_GE(score, 0.0f);
    EXPECT_LE(score * 4, 20.0f);
  }
}

}  // namespace
}  // namespace dltonic::model
