// What a YAML text may and may not be.
#include <gmock/gmock.h>

#include "sample_config.h"

namespace dltonic::config {
namespace {

using ::testing::HasSubstr;

class DocumentTest : public ConfigTest {
 protected:
  /// The faults of a file with this text; its name is cut off: ":line:column: ...".
  std::string faults_of(const std::string& text) {
    const std::string file = write("x.yaml", text);
    std::string told = faults({file});
    for (std::size_t at; (at = told.find(file)) != std::string::npos;) told.erase(at, file.size());
    return told;
  }
};

TEST_F(DocumentTest, NothingIsAConfigurationToo) {
  EXPECT_EQ(faults_of(""), "");
  EXPECT_EQ(faults_of("# only a remark\n"), "");
  EXPECT_EQ(faults_of("---\n"), "");
  EXPECT_EQ(faults_of("train:\nmodel: {}\n"), "");
}

TEST_F(DocumentTest, SyntaxErrorsHaveTheirPlace) {
  EXPECT_THAT(faults_of("train:\n  epochs: [1, 2\nmodel: {\n"), HasSubstr("1 fault in the configuration:\n:3:"));
  EXPECT_THAT(faults_of("train:\n\tepochs: 3\n"), HasSubstr("the line begins with a tab"));
  EXPECT_THAT(faults_of("train: *nobody\n"), HasSubstr(":1:8: not readable as YAML: "));
  EXPECT_THAT(faults_of("run: {note: 'open\n"), HasSubstr("not readable as YAML: "));
  EXPECT_THAT(faults_of("run:\n  note: \"open\ntrain:\n  epochs: 5\n\n"),
              HasSubstr("not readable as YAML: illegal EOF in scalar"));
}

TEST_F(DocumentTest, ASyntaxErrorHidesNoFaultOfOtherFiles) {
  write("broken.yaml", "train: [\n");
  const std::string told = faults({write("x.yaml", "include: broken.yaml\nmodel: {gatse: 1}\n"), "train.epochs=0"});
  EXPECT_THAT(told, HasSubstr("3 faults in"));
  EXPECT_THAT(told, HasSubstr("broken.yaml:"));
  EXPECT_THAT(told, HasSubstr("did you mean model.gates?"));
  EXPECT_THAT(told, HasSubstr("must be at least 1"));
}

TEST_F(DocumentTest, AKeyGivenTwiceIsAFaultAtTheSecond) {
  EXPECT_EQ(faults_of("train:\n  epochs: 1\n  seed: 2\n  epochs: 3\n"),
            "1 fault in the configuration:\n:4:3: train.epochs: given twice in the same mapping");
  EXPECT_EQ(faults_of("train: {epochs: 1}\nmodel: {gates: 5}\ntrain: {seed: 1}\n"),
            "1 fault in the configuration:\n:3:1: train: given twice in the same mapping");
  EXPECT_EQ(faults_of("train: {epochs: 1}\ntrain.epochs: 2\n"),
            "1 fault in the configuration:\n:2:1: train.epochs: given twice in the same file");
}

TEST_F(DocumentTest, DottedKeysAndNestingMeanTheSame) {
  EXPECT_EQ(faults_of("train.epochs: 3\nmodel: {gates: 12}\ndata.augmentation: {flip_x: on}\n"), "");
  EXPECT_EQ(options_.epochs, 3);
  EXPECT_EQ(options_.gates, 12);
  EXPECT_TRUE(options_.augment);
}

TEST_F(DocumentTest, AnchorsWork) {
  EXPECT_EQ(faults_of("train: {epochs: &n 12, batch_size: *n, micro_batch_size: *n}\n"), "");
  EXPECT_EQ(options_.batch_size, 12);
}

TEST_F(DocumentTest, WindowsLineEndingsWork) {
  EXPECT_EQ(faults_of("train:\r\n  epochs: 3\r\nrun:\r\n  note: hello\r\n"), "");
  EXPECT_EQ(options_.note, "hello");
}

TEST_F(DocumentTest, WhatIsNoMappingIsAFault) {
  EXPECT_THAT(faults_of("- a\n- b\n"), HasSubstr(":1:1: a configuration is a mapping"));
  EXPECT_THAT(faults_of("just words\n"), HasSubstr(":1:1: a configuration is a mapping"));
  EXPECT_THAT(faults_of("? [a, b]\n: 1\n"), HasSubstr(": a key must be a plain word"));
  EXPECT_THAT(faults_of("train: {epochs: 1}\n---\ntrain: {epochs: 2}\n"),
              HasSubstr(":3:1: a second YAML document begins here"));
  EXPECT_THAT(faults_of("include: {a: b}\n"), HasSubstr(":1:10: include: expected a file name"));
}

TEST_F(DocumentTest, TextsThatNameThemselvesOrGrowWithoutEndEnd) {
  EXPECT_THAT(faults_of("model: &a\n  hidden: *a\n"), HasSubstr("nested deeper than"));
  EXPECT_THAT(faults_of("model:\n  hidden: &a [1, *a]\n"), HasSubstr("nested deeper than"));
  std::string bomb = "a0: &a0 {x: 1}\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {";
    for (const char* name : {"b: ", ", c: ", ", d: ", ", e: ", ", f: ", ", g: "}) bomb += name + below;
    bomb += "}\n";
  }
  EXPECT_THAT(faults_of(bomb), HasSubstr("more than 10000 values"));
  EXPECT_THAT(faults_of(std::string(100'000, '[')), HasSubstr("1 fault in"));
}

}  // namespace
}  // namespace dltonic::config
