#include "model/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dltonic/core/error.h"
#include "unit/model/model_fixture.h"

namespace dltonic::model {
namespace {

using testing::HasSubstr;

std::string fault_of(const Options& options, const data::FrameShape& shape, int classes,
                     const std::string& optimizer_kind = "adam") {
  try {
    make_model(options, shape, classes, 1, optimizer(optimizer_kind));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Registry, KnowsTheKinds) { EXPECT_THAT(model_kinds(), testing::ElementsAre("difflogic", "mlp", "cnn")); }

TEST(Registry, NamesTheNearestKind) {
  Options options;
  options.kind = "diflogic";
  EXPECT_THAT(fault_of(options, kShape, kClasses), HasSubstr("did you mean 'difflogic'?"));
  options.kind = "transformer";
  EXPECT_EQ(fault_of(options, kShape, kClasses), "model.kind: there is no model 'transformer'. Known: difflogic, mlp, cnn");
}

TEST(Registry, RefusesEmptyShapes) {
  for (const std::string& kind : model_kinds()) {
    EXPECT_THAT(fault_of(small_options(kind), {0, 9, 8}, kClasses), HasSubstr("0 x 9 x 8"));
    EXPECT_THAT(fault_of(small_options(kind), kShape, 0), HasSubstr("at least one class"));
  }
}

TEST(Options, DeclareEveryKey) {
  Options options;
  config::Section section("model");
  options.bind(section);
  std::vector<std::string> names;
  for (const auto& key : section.keys()) names.push_back(key->name());
  for (const char* name : {"kind", "gates", "layers", "wiring", "parametrization", "init", "estimator", "temperature", "tau",
                           "grad_factor", "hidden", "channels", "cnn_hidden"})
    EXPECT_THAT(names, testing::Contains(name));
  EXPECT_EQ(section.keys().front()->choices(), model_kinds());
}

TEST(Options, AreCheckedTogetherForTheKindAtHand) {
  Options options;
  config::Section section("model");
  options.bind(section);
  const auto faults = [&] {
    std::vector<std::string> keys;
    for (const auto& check : section.checks()) {
      if (!check.fault().empty()) keys.push_back(check.key);
    }
    return keys;
  };
  options.hidden = {};
  options.channels = {1, 2, 3};
  EXPECT_THAT(faults(), testing::IsEmpty());  // a difflogic model does not read them
  options.kind = "mlp";
  EXPECT_THAT(faults(), testing::ElementsAre("hidden"));
  options.kind = "cnn";
  EXPECT_THAT(faults(), testing::ElementsAre("channels"));
}

}  // namespace
}  // namespace dltonic::model
