/// Saving beside work that reduces all the time, on 1 to 4 ranks: what is saved, when, and what every rank decides.
#include "dltonic/train/checkpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <limits>
#include <numeric>
#include <optional>
#include <thread>

#include "dltonic/core/checksum.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "support/mpi_world.h"

namespace dltonic::train {
namespace {

using test::world;
using testing::HasSubstr;

/// Steps at which saves are slow, or fail as on a full disk. Read once a process, before the first step.
const int the_faults = ::setenv("DLTONIC_FAIL_AT",
                                "before_manifest:*:7000:sleep=0.3;before_manifest:*:7001:sleep=0.3;before_write:0:7100:storage;"
                                "before_manifest:0:7101:storage",
                                1);

struct State {
  std::vector<float> weights = std::vector<float>(300'007);
  std::int64_t step = 0;
  explicit State(float first = 1) { std::iota(weights.begin(), weights.end(), first); }
  ModelState views(bool live = true) {
    return {{{"w/logits", DType::f32, {weights.size()}, weights.data()}}, {{"train/step", DType::i64, {1}, &step}}, live};
  }
};

/// What the trainer does at each step: wishes travel with the step's sums and are heard `lag` steps later.
struct Loop {
  Checkpoints& checkpoints;
  State& state;
  std::size_t lag = 2;
  std::deque<bool> wishes = {};
  std::vector<std::int64_t> saved = {};

  void hear(std::size_t leave) {
    while (wishes.size() > leave) {
      if (wishes.front()) checkpoints.heard();
      wishes.pop_front();
    }
  }
  void step() {
    const bool mine = checkpoints.wishes();
    wishes.push_back(world().max(mine ? 1.0 : 0.0) > 0);
    ++state.step;
    const bool due = checkpoints.due(state.step);
    hear(due ? 0 : lag);
    if (due) save();
  }
  void save(bool is_best = false, bool is_last = false, bool live = true) {
    checkpoints.save({state.step, 0.5, {{"loss", 1.0 / static_cast<double>(state.step)}}, is_best, is_last},
                     [&] { return state.views(live); });
    saved.push_back(state.step);
  }
};

std::unique_ptr<Checkpoints> make(const std::filesystem::path& folder, const CheckpointOptions& options) {
  return std::make_unique<Checkpoints>(world(), folder, options, Monitor{"loss", true}, "{}");
}

std::string state_checksum(const Checkpoints& checkpoints, const std::string& which) {
  const auto entry = checkpoints.store().find(which);
  EXPECT_EQ(store::CheckpointStore::verify(entry.path), "");
  return checksum_file(entry.path / "state.h5");
}

std::vector<std::string> names(const Checkpoints& checkpoints) {
  std::vector<std::string> steps;
  for (const auto& entry : checkpoints.store().list()) steps.push_back(entry.name.substr(0, entry.name.find('_')));
  return steps;
}

TEST(Checkpoints, ABackgroundSaveHoldsTheMomentAndEqualsABlockingOne) {
  const auto folder = test::shared_folder();
  State state;
  const State before = state;
  auto background = make(folder / "background", {});
  auto blocking = make(folder / "blocking", {.mode = "blocking"});
  state.step = 5;
  Loop{*background, state}.save();
  state.step = 6;
  for (int i = 0; i < 300; ++i) {  // what the next steps do beside it
    for (float& w : state.weights) w = -w;
    EXPECT_EQ(world().sum(std::int64_t{i}), i * world().size());
  }
  background->finish();
  State again = before;
  again.step = 5;
  Loop{*blocking, again}.save();
  world().barrier();
  EXPECT_EQ(state_checksum(*background, "latest"), state_checksum(*blocking, "latest"));
  State loaded(0);
  auto views = loaded.views();
  views.model.push_back(views.rest[0]);
  background->load(background->resolve("5"), views.model);
  EXPECT_EQ(loaded.weights, before.weights);
  EXPECT_EQ(loaded.step, 5);
  EXPECT_EQ(background->figures().saves, 1);
  EXPECT_EQ(background->figures().bytes, blocking->figures().bytes);
}

TEST(Checkpoints, SavesOneAfterTheOtherBesideReductionsAreAgreedAndWhole) {
  const auto folder = test::shared_folder();
  auto checkpoints = make(folder, {.every_steps = 1, .keep_last = 100});
  State state;
  Loop loop{*checkpoints, state};
  std::vector<double> gradients(20'000, 1.0);
  while (loop.saved.size() < 4) {  // agreed, so every rank leaves here at the same step
    loop.step();
    world().sum(gradients);
  }
  loop.hear(0);
  checkpoints->finish();
  world().barrier();
  const auto& figures = checkpoints->figures();
  EXPECT_EQ(figures.saves, static_cast<std::int64_t>(loop.saved.size()));
  EXPECT_EQ(figures.merged + figures.saves, state.step);  // every step asked, and is counted as the one or the other
  for (const std::string& other : world().gather(cat(testing::PrintToString(loop.saved), figures.merged)))
    EXPECT_EQ(other, cat(testing::PrintToString(loop.saved), figures.merged));
  const auto list = checkpoints->store().list();
  ASSERT_EQ(list.size(), loop.saved.size());
  for (const auto& entry : list) EXPECT_EQ(store::CheckpointStore::verify(entry.path), "") << entry.name;
  EXPECT_EQ(checkpoints->store().marker("latest"), list.front().path);
}

TEST(Checkpoints, WhatBecomesDueWhileOneRunsIsMergedIntoTheNext) {
  auto checkpoints = make(test::shared_folder(), {.every_epochs = 1, .keep_last = 100});
  State state;
  Loop loop{*checkpoints, state};
  state.step = 7000;  // this save takes 0.3 s
  loop.save();
  EXPECT_FALSE(checkpoints->due_at_epoch_end(1, false));
  EXPECT_FALSE(checkpoints->due_at_epoch_end(2, false));
  EXPECT_EQ(checkpoints->figures().merged, 2);
  while (loop.saved.size() < 2) {  // it starts once the first one is heard to be over
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    loop.step();
  }
  const std::string second = cat("step-", state.step);
  checkpoints->finish();
  world().barrier();
  EXPECT_EQ(checkpoints->figures().saves, 2);
  EXPECT_THAT(names(*checkpoints), testing::ElementsAre(second, "step-7000"));
}

TEST(Checkpoints, TheBestWaitsForTheRunningSaveAndIsNotMerged) {
  auto checkpoints = make(test::shared_folder(), {.keep_last = 100});
  State state;
  Loop loop{*checkpoints, state};
  state.step = 7001;
  loop.save();
  ASSERT_TRUE(checkpoints->due_at_epoch_end(1, true));
  state.step = 7005;
  loop.save(/*is_best=*/true);
  checkpoints->finish();
  world().barrier();
  EXPECT_EQ(checkpoints->figures().waited, 1);
  EXPECT_EQ(checkpoints->figures().merged, 0);
  EXPECT_THAT(checkpoints->store().marker("best")->filename().string(), testing::StartsWith("step-7005_"));
  EXPECT_EQ(names(*checkpoints).size(), 2u);
}

TEST(Checkpoints, TheClockOfRankZeroIsHeardByAll) {
  auto checkpoints = make(test::shared_folder(), {.every_epochs = 0, .every_minutes = 0.2 / 60, .keep_last = 100});
  State state;
  Loop loop{*checkpoints, state};
  while (loop.saved.size() < 2) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    loop.step();
  }
  loop.hear(0);
  checkpoints->finish();
  EXPECT_EQ(checkpoints->figures().saves, 2);
  EXPECT_EQ(checkpoints->figures().merged, 0);
  for (const std::string& other : world().gather(testing::PrintToString(loop.saved)))
    EXPECT_EQ(other, testing::PrintToString(loop.saved));
}

TEST(Checkpoints, AFailedSaveIsTriedAgainAndOnlyTheLastOneIsAnError) {
  for (const std::string mode : {"background", "blocking"}) {
    SCOPED_TRACE(mode);
    auto checkpoints = make(test::shared_folder(), {.mode = mode, .keep_last = 100});
    State state;
    Loop loop{*checkpoints, state};
    for (const int step : {7100, 7101, 7102}) {  // the first two fail
      state.step = step;
      loop.save();
    }
    state.step = 7100;
    std::string said;
    try {
      loop.save(false, /*is_last=*/true);
    } catch (const StorageError& error) {
      EXPECT_TRUE(error.agreed());
      said = error.what();
    }
    EXPECT_THAT(said, HasSubstr("before_write"));
    for (const std::string& other : world().gather(said)) EXPECT_EQ(other, said);
    world().barrier();
    EXPECT_EQ(checkpoints->figures().failed, 3);
    EXPECT_EQ(checkpoints->figures().saves, 1);
    EXPECT_THAT(names(*checkpoints), testing::ElementsAre("step-7102"));
    world().barrier();
    state.step = 7101;
    loop.save();
    if (mode == "background") {
      EXPECT_THROW(checkpoints->finish(), StorageError);
    }
  }
}

TEST(Checkpoints, AStateThatIsNotFiniteIsNeverSaved) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    auto checkpoints = make(test::shared_folder(), {});
    State state;
    Loop loop{*checkpoints, state};
    state.step = 3;
    loop.save();
    state.weights[state.weights.size() - 1] = bad;  // in the last rank's share
    state.step = 4;
    try {
      loop.save(false, true);
      ADD_FAILURE() << bad;
    } catch (const StorageError& error) {
      EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("w/logits"), HasSubstr("not finite")));
    }
    world().barrier();
    EXPECT_THAT(names(*checkpoints), testing::ElementsAre("step-3"));
  }
}

/// Three threads of rank 0 at once: steps, saves (which prune), and the mirror, which reads what saves make and remove.
TEST(Checkpoints, AreMirroredWhileTheNextOnesAreMade) {
  const auto folder = test::shared_folder();
  const auto run = folder / "run", copy = folder / "project/run";
  std::optional<store::Journal> journal;
  std::optional<store::Mirror> mirror;
  auto checkpoints = make(run / "checkpoints", {.every_steps = 1, .keep_last = 2, .keep_best = 0});
  if (world().is_root()) {
    store::MirrorOptions options;
    options.mirror_interval_s = 0.02;
    journal.emplace(run / "checkpoints");
    mirror.emplace(run, copy, options, *journal);
    checkpoints->set_mirror(&*journal, &*mirror);
  }
  State state;
  Loop loop{*checkpoints, state};
  while (loop.saved.size() < 12) {
    for (float& w : state.weights) w = -w;
    loop.step();
  }
  loop.hear(0);
  checkpoints->finish();
  const auto here = names(*checkpoints);
  EXPECT_THAT(here, testing::Contains(cat("step-", loop.saved.back())));
  if (world().is_root()) {
    Progress progress;
    const auto outcome = mirror->finish(60, progress);
    EXPECT_TRUE(outcome.safe()) << outcome.reason;
    const store::CheckpointStore there(copy / "checkpoints");
    for (const auto& entry : checkpoints->store().list()) {
      EXPECT_EQ(store::CheckpointStore::verify(there.folder() / entry.name), "") << entry.name;
      EXPECT_EQ(journal->verified_places(entry.name).size(), 2u) << entry.name;
    }
    EXPECT_EQ(there.marker("latest")->filename(), checkpoints->store().marker("latest")->filename());
  }
  world().barrier();
}

TEST(Checkpoints, MemoryThatStaysIsNotCopied) {
  auto checkpoints = make(test::shared_folder(), {});
  State state;
  Loop loop{*checkpoints, state};
  state.step = 2;
  loop.save(false, false, /*live=*/false);
  state.step = 9;  // the rest is copied all the same
  checkpoints->finish();
  State loaded(0);
  auto views = loaded.views();
  views.model.push_back(views.rest[0]);
  checkpoints->load(checkpoints->resolve("latest"), views.model);
  EXPECT_EQ(loaded.weights, state.weights);
  EXPECT_EQ(loaded.step, 2);
}

}  // namespace
}  // namespace dltonic::train
