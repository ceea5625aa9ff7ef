#include "app/submit/sweep.h"

#include <gmock/gmock.h>

#include "dltonic/core/error.h"

namespace dltonic::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Pair = std::pair<std::string, std::string>;

std::vector<SweepTask> expand(const std::vector<std::string>& words) {
  return expand_sweep(words, [](const std::string& key) { return key == "model.hidden"; });
}
std::vector<std::string> names(const std::vector<SweepTask>& tasks) {
  std::vector<std::string> names;
  for (const auto& task : tasks) names.push_back(task.name);
  return names;
}

TEST(Sweep, EveryCombinationIsARun) {
  const auto tasks = expand({"experiment=a", "model.gates=8000,16000", "train.epochs=5", "model.tau=1,10"});
  EXPECT_THAT(names(tasks), ElementsAre("gates=8000-tau=1", "gates=8000-tau=10", "gates=16000-tau=1", "gates=16000-tau=10"));
  EXPECT_THAT(tasks[2].words, ElementsAre("experiment=a", "model.gates=16000", "train.epochs=5", "model.tau=1"));
  EXPECT_THAT(tasks[2].values, ElementsAre(Pair{"model.gates", "16000"}, Pair{"model.tau", "1"}));
}

TEST(Sweep, OneRunIsNoSweep) {
  const auto tasks = expand({"file.yaml", "model.hidden=512,256", "data.root=/a\\,b", "run.name="});
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks[0].name, "");
  EXPECT_THAT(tasks[0].words, ElementsAre("file.yaml", "model.hidden=512,256", "data.root=/a,b", "run.name="));
}

TEST(Sweep, ListsAreSweptInBrackets) {
  EXPECT_EQ(expand({"model.hidden=[512,256]"}).size(), 1u);
  const auto tasks = expand({"model.hidden=[512,256],[1024]"});
  EXPECT_THAT(names(tasks), ElementsAre("hidden=512,256", "hidden=1024"));
  EXPECT_THAT(tasks[0].words, ElementsAre("model.hidden=[512,256]"));
  EXPECT_EQ(expand({"other=[1,2]"}).size(), 1u);  // for a key that is no list the loader says what is wrong
}

TEST(Sweep, GroupsAreSweptToo) { EXPECT_THAT(names(expand({"model=mlp,cnn"})), ElementsAre("model=mlp", "model=cnn")); }

TEST(Sweep, NamesAreFolders) {
  EXPECT_THAT(
      names(expand({"data.root=/a b/c,/a b/d", "a.rate=1e-3,.5", "b.rate=1,2"})),
      ElementsAre("root=_a_b_c-a.rate=1e-3-b.rate=1", "root=_a_b_c-a.rate=1e-3-b.rate=2", "root=_a_b_c-a.rate=.5-b.rate=1",
                  "root=_a_b_c-a.rate=.5-b.rate=2", "root=_a_b_d-a.rate=1e-3-b.rate=1", "root=_a_b_d-a.rate=1e-3-b.rate=2",
                  "root=_a_b_d-a.rate=.5-b.rate=1", "root=_a_b_d-a.rate=.5-b.rate=2"));
  EXPECT_THAT(names(expand({"data.root=/a,_a"})), ElementsAre("root=_a-0", "root=_a-1"));
}

TEST(Sweep, WhatCannotBeMeant) {
  EXPECT_THAT([] { expand({"a=1,,2"}); }, ThrowsMessage<ConfigError>(HasSubstr("a=1,,2: a value is empty")));
  EXPECT_THAT([] { expand({"a=1,2,1"}); }, ThrowsMessage<ConfigError>(HasSubstr("given twice")));
  EXPECT_THAT([] { expand({"a=1,2", "a=3,4"}); }, ThrowsMessage<ConfigError>(HasSubstr("a is swept already")));
  std::string many = "1";
  for (int i = 2; i <= 32; ++i) many += "," + std::to_string(i);
  EXPECT_THAT(([&] {
                expand({"a=" + many, "b=" + many});
              }),
              ThrowsMessage<ConfigError>(HasSubstr("makes 1024 runs, at most 1000")));
}

}  // namespace
}  // namespace dltonic::app
