// What may be written for each type of key.
#include <gmock/gmock.h>

#include "sample_config.h"

namespace dltonic::config {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ValueTest : public ConfigTest {
 protected:
  /// The fault of one argument, without what stands before it.
  std::string fault(const std::string& argument) {
    const std::string told = faults({argument}), before = "1 fault in the configuration:\ncommand line: " + argument + ": ";
    return told.starts_with(before) ? told.substr(before.size()) : told;
  }
};

TEST_F(ValueTest, IntegersMustBeIntegers) {
  for (const auto& [text, value] : {std::pair{"12", 12}, {"+12", 12}, {"1e3", 1000}, {"2.0", 2}, {"2147483647", 2147483647}}) {
    EXPECT_EQ(faults({std::string("train.epochs=") + text}), "");
    EXPECT_EQ(options_.epochs, value);
  }
  EXPECT_EQ(fault("train.epochs=1.5"), "is \"1.5\", expected: integer without a fraction");
  EXPECT_EQ(fault("train.epochs=2147483648"), "is 2147483648, must lie between -2147483648 and 2147483647");
  EXPECT_EQ(fault("train.epochs=1e300"), "is 1e300, must lie between -2147483648 and 2147483647");
  for (const char* text : {"", "abc", "12x", "0x10", "64_000", "nan", "inf", "1e999", "--3", "[3]"}) {
    EXPECT_THAT(fault(std::string("train.epochs=") + text), HasSubstr("expected: integer")) << text;
  }
}

TEST_F(ValueTest, WideIntegersKeepEveryDigit) {
  load({"train.far=-9223372036854775808", "train.seed=18446744073709551615"});
  EXPECT_EQ(options_.far, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(options_.seed, std::numeric_limits<std::uint64_t>::max());
  EXPECT_THAT(fault("train.far=9223372036854775808"), HasSubstr("must lie between"));
  EXPECT_THAT(fault("train.far=9.3e18"), HasSubstr("must lie between"));
  EXPECT_THAT(fault("train.seed=18446744073709551616"), HasSubstr("must lie between"));
  load({"train.far=9e18"});
  EXPECT_EQ(options_.far, 9'000'000'000'000'000'000);
}

TEST_F(ValueTest, NumbersAndTheirBoundsNameBothNumbers) {
  load({"train.learning_rate=1e-3"});
  EXPECT_EQ(options_.learning_rate, 1e-3);
  EXPECT_EQ(fault("train.learning_rate=0"), "is 0, must be above 0");
  EXPECT_EQ(fault("train.learning_rate=10"), "is 10, must be below 10");
  EXPECT_EQ(fault("model.layers=65"), "is 65, must be at most 64");
  EXPECT_EQ(fault("model.gates=0"), "is 0 gates, must be at least 1 gates");
  EXPECT_EQ(fault("train.learning_rate=inf"), "is \"inf\", expected: number");
}

TEST_F(ValueTest, BooleansInAllTheirForms) {
  for (const char* text : {"true", "yes", "on", "True", "ON"}) {
    options_.augment = false;
    load({std::string("data.augmentation.flip_x=") + text});
    EXPECT_TRUE(options_.augment) << text;
  }
  for (const char* text : {"false", "no", "off", "False"}) {
    options_.augment = true;
    load({std::string("data.augmentation.flip_x=") + text});
    EXPECT_FALSE(options_.augment) << text;
  }
  EXPECT_EQ(fault("data.augmentation.flip_x=1"), "is \"1\", expected: true or false");
}

TEST_F(ValueTest, ListsWithAndWithoutBrackets) {
  for (const char* text : {"[512,256]", "[512, 256]", "512,256", "512, 256"}) {
    options_.hidden.clear();
    load({std::string("model.hidden=") + text});
    EXPECT_THAT(options_.hidden, ElementsAre(512, 256)) << text;
  }
  load({"model.hidden=[]", "train.rates=1e-3", "run.tags=[a, 'b, c']"});
  EXPECT_THAT(options_.hidden, IsEmpty());
  EXPECT_THAT(options_.rates, ElementsAre(1e-3));
  EXPECT_THAT(options_.tags, ElementsAre("a", "b, c"));
  EXPECT_EQ(fault("model.hidden=512,x"), "is \"x\", expected: list of integers");
  EXPECT_EQ(fault("model.hidden=512,0"), "is 0, must be at least 1");
  EXPECT_THAT(fault("model.hidden=[512,[256]]"), HasSubstr("is a list, expected: list of integers"));
  EXPECT_THAT(fault("model.hidden=[{a: b}]"), HasSubstr("is a mapping, expected: list of integers"));
  EXPECT_THAT(fault("model.hidden=[1,2]]"), HasSubstr("not readable as YAML"));
  EXPECT_THAT(fault("model.hidden=512,,256"), HasSubstr("expected: list of integers"));
}

TEST_F(ValueTest, AListsFaultsStandAtTheirElements) {
  const std::string file = write("x.yaml", "model:\n  hidden: [512, zero,\n    -1]\n");
  EXPECT_EQ(faults({file}), "2 faults in the configuration:\n" + file +
                                ":2:17: model.hidden: is \"zero\", expected: list of integers\n" + file +
                                ":3:5: model.hidden: is -1, must be at least 1");
  EXPECT_THAT(options_.hidden, ElementsAre(512)) << "a faulty list leaves its target alone";
}

TEST_F(ValueTest, NumberOrAuto) {
  load({"model.tau=12.5"});
  EXPECT_EQ(options_.tau, "12.5");
  load({"model.tau=auto"});
  EXPECT_EQ(options_.tau, "auto");
  EXPECT_EQ(fault("model.tau=aut"), "is \"aut\", expected: number or auto");
  EXPECT_EQ(fault("model.tau=0"), "is 0, must be above 0");
}

TEST_F(ValueTest, ChoicesNameTheNearest) {
  EXPECT_EQ(fault("model.kind=diflogic"), "is \"diflogic\", must be one of difflogic, mlp, cnn; did you mean difflogic?");
  EXPECT_EQ(fault("model.kind=transformer"), "is \"transformer\", must be one of difflogic, mlp, cnn");
}

TEST_F(ValueTest, TextIsTakenAsWritten) {
  load({write("x.yaml", "run: {note: 007}\ndata: {name: no, root: '~/data'}\n")});
  EXPECT_EQ(options_.note, "007");
  EXPECT_EQ(options_.dataset_name, "no");
  EXPECT_EQ(options_.dataset_root, "~/data");
  load({"run.note=a=b", "data.name="});
  EXPECT_EQ(options_.note, "a=b");
  EXPECT_EQ(options_.dataset_name, "");
  const std::string file = write("y.yaml", "run:\n  note:\n");
  EXPECT_EQ(faults({file}),
            "1 fault in the configuration:\n" + file + ":2:3: run.note: has no value, expected: text (\"\" for an empty one)");
}

TEST_F(ValueTest, VariablesOfTheEnvironment) {
  set("DLTONIC_TEST_WORD", "deep");
  set("DLTONIC_TEST_GONE", nullptr);
  load({write("x.yaml", "data: {root: '/a/${DLTONIC_TEST_WORD}/${DLTONIC_TEST_WORD}er', name: 'costs $5, $${x}'}\n")});
  EXPECT_EQ(options_.dataset_root, "/a/deep/deeper");
  EXPECT_EQ(options_.dataset_name, "costs $5, ${x}");
  const std::string file = write("y.yaml", "data: {root: '${DLTONIC_TEST_GONE}/x'}\n");
  EXPECT_EQ(faults({file}),
            "1 fault in the configuration:\n" + file +
                ":1:14: data.root: \"${DLTONIC_TEST_GONE}/x\": the environment variable DLTONIC_TEST_GONE is not set");
  EXPECT_THAT(fault("data.root=${oc.env:HOME}"),
              EndsWith("${NAME} stands for an environment variable; write $${ for a plain ${"));
  EXPECT_THAT(fault("data.root=${HOME"), HasSubstr("${NAME} stands for"));
  write("deep.yaml", "train: {epochs: 33}\n");
  load({write("z.yaml", "include: '${DLTONIC_TEST_WORD}.yaml'\n")});
  EXPECT_EQ(options_.epochs, 33);
}

}  // namespace
}  // namespace dltonic::config
