#include "app/submit/template.h"

#include <gmock/gmock.h>

#include "app/submit/process.h"
#include "dltonic/core/error.h"

namespace dltonic::app {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Template, FillsEveryPlaceholderOnce) {
  EXPECT_EQ(fill_template("a {{x}}-{{ y }}\n\n${v} {x} }}\n", "t", {{"x", "1"}, {"y", "{{x}}"}}), "a 1-{{x}}\n\n${v} {x} }}\n");
}

TEST(Template, LinesComeAndGo) {
  EXPECT_EQ(fill_template("top\n{{none}}\n  {{none}} \n{{some}}\nend", "t", {{"none", ""}, {"some", "one\ntwo"}}),
            "top\none\ntwo\nend\n");
}

TEST(Template, WhatNothingFillsIsNamed) {
  EXPECT_THAT(
      [] {
        fill_template("a\nb {{nmae}}\n", "jobs/x.sh", {{"name", ""}, {"time", ""}});
      },
      ThrowsMessage<ConfigError>("jobs/x.sh:2: nothing fills {{nmae}}; known are name, time"));
  EXPECT_THAT(
      [] {
        fill_template("{{name\n}}", "x.sh", {{"name", ""}});
      },
      ThrowsMessage<ConfigError>(HasSubstr("x.sh:1: {{name is never closed")));
}

const std::vector<std::string> kWords{
    "plain", "two words", "it's",   "\"twice\"",      "$HOME `id` \\n",    "*", "", "a\nb", "-n", "#no remark",
    "é",     "key=[1,2]", "~/here", "semi;colon&|<>", "tab\tand '' ' end'"};

TEST(Quoting, AShellReadsTheSameWords) {
  // The shell itself is the judge.
  const auto result = run_process({"bash", "-c", "printf '%s\\0' " + shell_line(kWords)});
  std::string expected;
  for (const auto& word : kWords) expected += word + '\0';
  EXPECT_EQ(result.out, expected) << shell_line(kWords);
  EXPECT_EQ(shell_quote("train.epochs=50"), "train.epochs=50");
}

TEST(Quoting, SbatchLinesHoldOneLine) {
  EXPECT_EQ(sbatch_quote("/scratch/me/log-%a.txt"), "/scratch/me/log-%a.txt");
  EXPECT_EQ(sbatch_quote("a \"b\" \\c"), "\"a \\\"b\\\" \\\\c\"");
  EXPECT_THROW(sbatch_quote("a\nb"), ConfigError);
}

}  // namespace
}  // namespace dltonic::app
