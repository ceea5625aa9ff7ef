// Which file wins.
#include <gmock/gmock.h>

#include "sample_config.h"

namespace dltonic::config {
namespace {

using ::testing::HasSubstr;

class Composition : public ConfigTest {
 protected:
  Composition() {
    write("configs/model/difflogic.yaml", "model: {kind: difflogic, gates: 2000, layers: 6}\n");
    write("configs/model/mlp.yaml", "model: {kind: mlp, hidden: [512, 256], layers: 9}\n");
    write("configs/dataset/nmnist.yaml", "data: {name: nmnist}\n");
    write("configs/dataset/dvs.yaml", "data: {name: dvs, root: /dvs}\n");
    experiment_ = write("configs/experiment/x.yaml",
                        "include: [../dataset/nmnist.yaml, ../model/difflogic.yaml]\n"
                        "model: {layers: 3}\n"
                        "train: {epochs: 7}\n");
  }
  std::string experiment_;
};

TEST_F(Composition, TheIncludingFileWinsOverItsIncludesAndOverridesWinLast) {
  load({experiment_, "train.epochs=50", "train.epochs=51"});
  EXPECT_EQ(options_.gates, 2000);
  EXPECT_EQ(options_.layers, 3);
  EXPECT_EQ(options_.epochs, 51);
  EXPECT_EQ(options_.dataset_name, "nmnist");
}

TEST_F(Composition, LaterIncludesWinOverEarlierOnes) {
  write("a.yaml", "train: {epochs: 1, batch_size: 60}\n");
  write("b.yaml", "train: {epochs: 2}\n");
  load({write("c.yaml", "include: [a.yaml, b.yaml]\n")});
  EXPECT_EQ(options_.epochs, 2);
  EXPECT_EQ(options_.batch_size, 60);
}

TEST_F(Composition, AChosenFileTakesThePlaceOfTheIncludedOneOfItsGroup) {
  load({experiment_, "model=mlp"});
  EXPECT_EQ(options_.kind, "mlp");
  EXPECT_EQ(options_.gates, 16000) << "difflogic.yaml must not be read at all";
  EXPECT_EQ(options_.layers, 3) << "the experiment's own keys win over the group's file";
  EXPECT_EQ(options_.hidden, (std::vector<int>{512, 256}));
  EXPECT_EQ(options_.dataset_name, "nmnist");
}

TEST_F(Composition, AChosenFileOfAGroupThatIsNotIncludedComesFirst) {
  const std::string file = write("configs/experiment/y.yaml", "data: {name: mine}\n");
  load({file, "dataset=dvs"});
  EXPECT_EQ(options_.dataset_name, "mine");
  EXPECT_EQ(options_.dataset_root, "/dvs");
}

TEST_F(Composition, GroupsAloneMakeAConfiguration) {
  load({"experiment=x", "model=mlp", "dataset=dvs", "train.epochs=5"});
  EXPECT_EQ(options_.kind, "mlp");
  EXPECT_EQ(options_.dataset_name, "dvs");
  EXPECT_EQ(options_.layers, 3);
  EXPECT_EQ(options_.epochs, 5);
}

TEST_F(Composition, AFileThatBuildsOnAnotherOfItsOwnGroupKeepsIt) {
  write("configs/model/wide.yaml", "include: mlp.yaml\nmodel: {hidden: [4096]}\n");
  load({"experiment=x", "model=wide"});
  EXPECT_EQ(options_.kind, "mlp");
  EXPECT_EQ(options_.hidden, (std::vector<int>{4096}));
}

TEST_F(Composition, IncludesMayBeNamedFromTheConfigsFolderAndWithoutEnding) {
  load({write("elsewhere/z.yaml", "include: model/mlp\n")});
  EXPECT_EQ(options_.kind, "mlp");
}

TEST_F(Composition, TheConfigsFolderIsFoundByVariableThenByFileThenByTheCaller) {
  write("other/model/mlp.yaml", "model: {kind: cnn}\n");
  load({"model=mlp"});  // the caller's
  EXPECT_EQ(options_.kind, "mlp");
  set("DLTONIC_CONFIGS", (folder_ / "other").c_str());
  load({experiment_, "model=mlp"});
  EXPECT_EQ(options_.kind, "cnn") << "the variable wins, and the include of configs/model still counts as the group's";
  set("DLTONIC_CONFIGS", nullptr);
  write("project/configs/model/mlp.yaml", "model: {kind: difflogic}\n");
  load({write("project/deep/mine.yaml", "train: {epochs: 4}\n"), "model=mlp"});
  EXPECT_EQ(options_.kind, "difflogic") << "above the given file";
}

TEST_F(Composition, InAProjectPathsAreShownAsPeopleTypeThem) {
  std::filesystem::current_path(folder_);
  write("configs/model/bad.yaml", "model: {gates: 0}\n");
  EXPECT_EQ(faults({"experiment=x", "model=bad"}),
            "1 fault in the configuration:\nconfigs/model/bad.yaml:1:16: model.gates: is 0 gates, must be at least 1 gates");
}

TEST_F(Composition, FilesThatIncludeEachOtherAreAFault) {
  const std::string a = write("a.yaml", "include: b.yaml\n");
  const std::string b = write("b.yaml", "train: {epochs: 3}\ninclude: [a.yaml]\n");
  EXPECT_EQ(faults({a}), "1 fault in the configuration:\n" + b + ":2:11: include: these files include each other: " + a +
                             " -> " + b + " -> " + a);
  EXPECT_THAT(faults({write("self.yaml", "include: self.yaml\n")}), HasSubstr("include each other"));
}

TEST_F(Composition, TheSameFileByTwoWaysIsNoCycle) {
  write("base.yaml", "train: {epochs: 3, epochz: 1}\n");
  write("a.yaml", "include: base.yaml\n");
  const std::string message = faults({write("b.yaml", "include: [base.yaml, a.yaml]\n")});
  EXPECT_THAT(message, HasSubstr("1 fault in")) << "and its fault is told once";
}

TEST_F(Composition, MissingFilesAreNamedWithWhatThereIs) {
  EXPECT_THAT(faults({"model=mpl"}),
              HasSubstr("command line: model=mpl: cannot open " + (folder_ / "configs/model/mpl.yaml").string() +
                        ": No such file or directory; did you mean mlp?"));
  EXPECT_THAT(faults({"dataset=something"}), HasSubstr("there are: dvs, nmnist"));
  EXPECT_THAT(faults({write("c.yaml", "include: [gone.yaml]\n")}),
              HasSubstr("c.yaml:1:11: include: no such file: neither " + (folder_ / "gone.yaml").string() + " nor " +
                        (folder_ / "configs/gone.yaml").string()));
  EXPECT_THAT(faults({folder_.string()}), HasSubstr("it is a folder"));
  EXPECT_THAT(faults({experiment_, "experiment=x"}), HasSubstr("give one of both"));
  EXPECT_THAT(faults({"model="}), HasSubstr("expected model=NAME"));
}

TEST_F(Composition, WhatIsMissingIsNotJudgedWhileAFileIsMissing) {
  std::string value;
  root_.section("data").key("format", value, "layout of the files").required();
  EXPECT_THAT(faults({"model=gone"}), HasSubstr("1 fault in"));
}

TEST_F(Composition, TheLoaderKnowsWhereAValueCameFrom) {
  Loader loader(root_, folder_ / "configs");
  loader.load({experiment_, "train.epochs=5"});
  EXPECT_EQ(loader.where("train.epochs"), "command line: train.epochs=5");
  EXPECT_EQ(loader.where("model.layers"), experiment_ + ":2:17");
  EXPECT_EQ(loader.where("train.seed"), "");
}

}  // namespace
}  // namespace dltonic::config
