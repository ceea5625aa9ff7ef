// What is written can be read again, and says the same.
#include "dltonic/config/effective.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "sample_config.h"

namespace dltonic::config {
namespace {

using ::testing::HasSubstr;

class Effective : public ConfigTest {
 protected:
  Effective() {
    options_.gates = 7;
    options_.tau = "0.1";
    options_.hidden = {};
    options_.tags = {"a, b", "", "yes", "[x]", "null"};
    options_.rates = {0.1, 1e-300, 1.0, 1.0 / 3};
    options_.learning_rate = 0.1 + 0.2 - 0.2;  // not 0.1
    options_.far = std::numeric_limits<std::int64_t>::min();
    options_.seed = std::numeric_limits<std::uint64_t>::max();
    options_.augment = true;
    options_.note = "two\nlines: 'quoted' \"twice\" # no remark, \t ${HOME} $${ é";
    options_.dataset_root = "/a b/c";
    options_.dataset_name = "007";
    set("HOME", "/home/nobody");
  }
  static void expect_equal(const SampleOptions& a, const SampleOptions& b) {
    EXPECT_EQ(a.gates, b.gates);
    EXPECT_EQ(a.tau, b.tau);
    EXPECT_EQ(a.hidden, b.hidden);
    EXPECT_EQ(a.tags, b.tags);
    EXPECT_EQ(a.rates, b.rates);
    EXPECT_EQ(a.learning_rate, b.learning_rate);
    EXPECT_EQ(a.far, b.far);
    EXPECT_EQ(a.seed, b.seed);
    EXPECT_EQ(a.augment, b.augment);
    EXPECT_EQ(a.note, b.note);
    EXPECT_EQ(a.dataset_root, b.dataset_root);
    EXPECT_EQ(a.dataset_name, b.dataset_name);
  }
};

TEST_F(Effective, YamlReadAgainGivesTheSameValues) {
  SampleOptions again;
  Section root;
  again.bind(root);
  Loader(root).load({write("config.yaml", effective_yaml(root_))});
  expect_equal(again, options_);
  EXPECT_EQ(effective_yaml(root), effective_yaml(root_));
}

TEST_F(Effective, JsonReadAgainGivesTheSameValues) {
  SampleOptions again;
  Section root;
  again.bind(root);
  Loader loader(root);
  loader.load_text(effective_json(root_), "checkpoint");
  expect_equal(again, options_);
  EXPECT_EQ(loader.where("model.gates").substr(0, 13), "checkpoint:1:");
}

TEST_F(Effective, JsonIsTypedAndNested) {
  const auto json = nlohmann::json::parse(effective_json(root_));
  EXPECT_EQ(json["model"]["gates"], 7);
  EXPECT_TRUE(json["train"]["learning_rate"].is_number_float());
  EXPECT_EQ(json["data"]["augmentation"]["flip_x"], true);
  EXPECT_EQ(json["train"]["rates"][1], 1e-300);
  EXPECT_EQ(json["train"]["seed"], std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(effective_json(root_).find('\n'), std::string::npos) << "one line";
}

TEST_F(Effective, YamlKeepsTypesApartForOtherReaders) {
  const std::string yaml = effective_yaml(root_);
  EXPECT_THAT(yaml, HasSubstr("name: \"007\"\n"));
  EXPECT_THAT(yaml, HasSubstr("rates: [0.1, 1.0e-300, 1.0, "));  // YAML 1.1 reads 1e-300 as text
  EXPECT_THAT(yaml, HasSubstr("  gates: 7\n"));
}

TEST(EffectiveEmpty, NothingIsAnEmptyMapping) {
  Section root;
  root.section("train");
  EXPECT_EQ(effective_yaml(root), "{}\n");
  EXPECT_EQ(effective_json(root), "{}");
}

TEST_F(Effective, HelpNamesTypeDefaultUnitBoundsChoicesAndMeaning) {
  options_ = SampleOptions{};
  const std::string text = help(root_);
  EXPECT_THAT(text, HasSubstr("model: the network\n"));
  EXPECT_THAT(text, HasSubstr("  model.gates=16000   (integer, in gates, at least 1)\n      width of one layer\n"));
  EXPECT_THAT(text, HasSubstr("  model.kind=difflogic   (difflogic | mlp | cnn)\n"));
  EXPECT_THAT(text, HasSubstr("  model.tau=auto   (number or auto, above 0)\n"));
  EXPECT_THAT(text, HasSubstr("  model.hidden=[512]   (list of integers, at least 1)\n"));
  EXPECT_THAT(text, HasSubstr("  train.learning_rate=0.01   (number, above 0, below 10)\n"));
  EXPECT_THAT(text, HasSubstr("\ndata.augmentation\n  data.augmentation.flip_x=false   (true or false)\n"));
}

TEST_F(Effective, FlatValuesNeedNoSchema) {
  using Pair = std::pair<std::string, std::string>;
  EXPECT_THAT(flat_values("a: {b: 5, c: [1, two]}\nd: \"x: y\"\nnone:\n", "t.yaml"),
              ::testing::ElementsAre(Pair{"a.b", "5"}, Pair{"a.c", "[1,two]"}, Pair{"d", "x: y"}, Pair{"none", ""}));
  EXPECT_THROW(flat_values("a: [", "t.yaml"), ConfigError);
}

}  // namespace
}  // namespace dltonic::config
