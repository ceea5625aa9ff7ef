// Every fault at once, each where it stands.
#include "sample_config.h"

namespace dltonic::config {
namespace {

class Faults : public ConfigTest {};

TEST_F(Faults, ThreeInOneFileAreToldAtOnceWithTheirPlaces) {
  const std::string file = write("three.yaml",
                                 "# a comment\n"
                                 "model:\n"
                                 "  gatse: 4000\n"
                                 "  kind: mlp\n"
                                 "train:\n"
                                 "  epochs:   many\n"
                                 "  learning_rate: -0.5\n");
  EXPECT_EQ(faults({file}), "3 faults in the configuration:\n" + file +
                                ":3:3: model.gatse: unknown key; did you mean model.gates?\n" + file +
                                ":6:13: train.epochs: is \"many\", expected: integer\n" + file +
                                ":7:18: train.learning_rate: is -0.5, must be above 0");
}

TEST_F(Faults, FilesComeBeforeTheCommandLineAndArgumentsKeepTheirOrder) {
  const std::string included = write("base.yaml", "train: {epochz: 1}\n");
  const std::string file = write("x.yaml", "include: base.yaml\nmodel: {kind: mpl}\n");
  EXPECT_EQ(faults({file, "train.seed=-1", "model.gatse=5", "loose"}),
            "5 faults in the configuration:\n" + file +
                ":2:15: model.kind: is \"mpl\", must be one of difflogic, mlp, cnn; did you mean mlp?\n" + included +
                ":1:9: train.epochz: unknown key; did you mean train.epochs?\n"
                "command line: train.seed=-1: is -1, must lie between 0 and 18446744073709551615\n"
                "command line: model.gatse=5: unknown key; did you mean model.gates?\n"
                "command line: loose: expected KEY=VALUE; the configuration file is " +
                file);
}

TEST_F(Faults, AFaultyKeyLeavesItsTargetAlone) {
  EXPECT_NE(faults({"model.gates=0", "train.epochs=3"}), "");
  EXPECT_EQ(options_.gates, 16000);
}

TEST_F(Faults, TheRightWordInTheWrongSectionIsFound) {
  EXPECT_EQ(faults({"gates=5"}),
            "1 fault in the configuration:\ncommand line: gates=5: unknown key; did you mean model.gates?");
  EXPECT_EQ(faults({"data.micro_batch_size=5"}).find("did you mean train.micro_batch_size?") == std::string::npos, false);
}

TEST_F(Faults, WordsNearToNothingPointToTheHelp) {
  EXPECT_EQ(faults({"report.tensorboard=on"}),
            "1 fault in the configuration:\ncommand line: report.tensorboard=on: unknown key; --help-config lists all keys");
}

TEST_F(Faults, HydrasDefaultsListIsNamedAnew) {
  const std::string file = write("x.yaml", "defaults:\n  - dataset: nmnist\n  - _self_\n");
  EXPECT_EQ(faults({file}), "1 fault in the configuration:\n" + file +
                                ":1:1: defaults: unknown key; the Python tool had it; here a file has "
                                "'include: [../dataset/NAME.yaml, ../model/NAME.yaml]' instead");
}

TEST_F(Faults, KeysOfThePredecessorAreNamedAnew) {
  EXPECT_EQ(faults({"model.difflogic.num_neurons=64000", "train.dataloader.num_workers=4", "data.augmentation.enabled=true"}),
            "3 faults in the configuration:\n"
            "command line: model.difflogic.num_neurons=64000: unknown key; the Python tool's model.difflogic.num_neurons is "
            "model.gates here (the width of one layer)\n"
            "command line: train.dataloader.num_workers=4: unknown key; the Python tool had it; here there is nothing to set: "
            "OMP_NUM_THREADS gives the threads of a rank\n"
            "command line: data.augmentation.enabled=true: unknown key; the Python tool had it; here set the single keys "
            "data.augmentation.shift, flip_x, flip_y, drop and salt_pepper");
}

TEST_F(Faults, AMappingWhereAValueBelongsAndAValueWhereASectionBelongs) {
  const std::string file = write("x.yaml", "train:\n  epochs: {count: 5}\nmodel: mlp\nrun: 3\n");
  EXPECT_EQ(
      faults({file}),
      "3 faults in the configuration:\n" + file +
          ":2:12: train.epochs.count: unknown key; train.epochs takes: integer, and has no keys below it\n" + file +
          ":3:1: model: is a section; choose its file by 'include: ../model/NAME.yaml' or by model=NAME on the command line\n" +
          file + ":4:1: run: is a section, it has no value of its own; its keys are like run.tags");
}

TEST_F(Faults, MissingRequiredKeysAreFaults) {
  std::string value;
  root_.section("data").key("format", value, "layout of the files").required();
  EXPECT_EQ(faults({"train.epochs=2"}),
            "1 fault in the configuration:\ncommand line: data.format: required, but given nowhere: layout of the files");
  const std::string file = write("x.yaml", "train: {epochs: 2}\n");
  EXPECT_EQ(faults({file}),
            "1 fault in the configuration:\n" + file + ": data.format: required, but given nowhere: layout of the files");
  EXPECT_EQ(faults({file, "data.format=nmnist"}), "");
  EXPECT_EQ(value, "nmnist");
}

TEST_F(Faults, ChecksBetweenKeysRunOnSoundValuesOnly) {
  const std::string file = write("x.yaml", "train:\n  micro_batch_size: 400\n");
  EXPECT_EQ(faults({file}),
            "1 fault in the configuration:\n" + file + ":2:21: train.micro_batch_size: is 400, more than train.batch_size 100");
  EXPECT_EQ(faults({file, "train.batch_size=400"}), "");
  // The check would judge the default of the faulty key.
  options_.batch_size = 100;
  EXPECT_EQ(faults({file, "train.batch_size=4oo"}),
            "1 fault in the configuration:\ncommand line: train.batch_size=4oo: is \"4oo\", expected: integer");
  // A fault elsewhere does not hide it.
  EXPECT_NE(faults({file, "model.gates=0"}).find("more than train.batch_size"), std::string::npos);
  options_.batch_size = 10;
  options_.micro_batch_size = 50;
  EXPECT_EQ(faults({}),
            "1 fault in the configuration:\ncommand line: train.micro_batch_size: is 50, more than train.batch_size 10");
}

TEST(SectionTest, AKeyBoundTwiceIsAProgrammingError) {
  int a = 0, b = 0;
  Section section("train");
  section.key("epochs", a, "");
  EXPECT_THROW(section.key("epochs", b, ""), std::logic_error);
  EXPECT_THROW(section.section("epochs"), std::logic_error);
  section.section("deep").key("epochs", b, "");
  EXPECT_THROW(section.key("deep", b, ""), std::logic_error);
  EXPECT_EQ(&section.section("deep", "a doc that came later"), section.sections()[0].get());
  EXPECT_EQ(section.sections()[0]->doc(), "a doc that came later");
}

}  // namespace
}  // namespace dltonic::config
