#include "dltonic/store/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "dltonic/core/fault_point.h"
#include "dltonic/core/log.h"
#include "dltonic/store/checkpoint_store.h"
#include "unit/store/folders.h"

using namespace dltonic;
using namespace dltonic::store;
using namespace dltonic::test;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

constexpr double kLong_s = 100;  ///< on a machine that does much else

constexpr int kSlow = 4711;  ///< step at which the mirror sleeps after each piece it has copied
[[maybe_unused]] const int kWished = ::setenv("DLTONIC_FAIL_AT", "during_sync:*:4711:sleep=0.5", 1);

/// While it lives, the copy of a state of 24 MB takes some 3 s.
struct SlowCopies {
  SlowCopies() { set_fault_step(kSlow); }
  ~SlowCopies() { set_fault_step(-1); }
};

struct Places {
  Places() {
    put(run / "config.yaml", "x: 1\n");
    put(run / "metrics.jsonl", "{\"step\":1}\n");
    make_directories(project);
  }
  std::unique_ptr<Mirror> start() {
    MirrorOptions options;
    options.mirror_interval_s = 0.05;
    return std::make_unique<Mirror>(run, copy, options, journal);
  }
  fs::path save(int step, std::size_t bytes = 100000) {
    const auto path = make_checkpoint(run / "checkpoints", step, bytes);
    put(run / "checkpoints/latest", checkpoint_name(step) + "\n");
    journal.record(checkpoint_name(step), Place::scratch, checksum_file(path / kStateFile));
    return path;
  }
  bool is_mirrored(int step) const { return CheckpointStore::verify(copy / "checkpoints" / checkpoint_name(step)).empty(); }
  /// Waits for it.
  testing::AssertionResult is_in_mid_copy(const Mirror& mirror, int step) const {
    bool is = false;
    const bool came = wait_until([&] { return (is = mirror.copying(checkpoint_name(step))) || is_mirrored(step); });
    if (is) return testing::AssertionSuccess();
    return testing::AssertionFailure() << (came ? "it was copied before this test saw it" : "nothing is copied");
  }
  bool all_equal() const {
    for (const auto& entry : fs::recursive_directory_iterator(run)) {
      if (!entry.is_regular_file() || entry.path().filename() == kJournalFile) continue;
      const auto there = copy / fs::relative(entry.path(), run);
      if (!fs::exists(there) || checksum_file(there) != checksum_file(entry.path())) return false;
    }
    return true;
  }

  TemporaryFolder folder;
  fs::path run = folder / "scratch/runs/r", project = folder / "project", copy = project / "runs/r";
  Journal journal{run / "checkpoints"};
  Progress progress;
};

}  // namespace

TEST(Mirror, CopiesWhatIsThereAndWhatIsWished) {
  Places p;
  p.save(1);
  const auto mirror = p.start();
  EXPECT_TRUE(wait_until([&] { return p.is_mirrored(1); }));
  mirror->wish(p.save(2));
  EXPECT_TRUE(wait_until([&] { return p.journal.verified(checkpoint_name(2), Place::project); }));
  std::ofstream(p.run / "metrics.jsonl", std::ios::app) << "{\"step\":2}\n";
  EXPECT_TRUE(wait_until([&] { return p.all_equal(); })) << "files that grow are followed without a wish";
  const auto outcome = mirror->finish(kLong_s, p.progress);
  EXPECT_TRUE(outcome.safe()) << outcome.reason;
  EXPECT_TRUE(p.all_equal());
  EXPECT_FALSE(fs::exists(p.copy / "checkpoints" / kJournalFile));
  std::vector<std::string> names;
  for (const auto& one : mirror->copies()) {
    names.push_back(one.name);
    EXPECT_TRUE(one.verified);
    EXPECT_THAT(one.metrics, HasSubstr("loss"));
  }
  EXPECT_THAT(names, ElementsAre(checkpoint_name(2), checkpoint_name(1)));
}

TEST(Mirror, WhatPolicyGivesUpGoesOnceTheNewestIsSafe) {
  Places p;
  p.save(1);
  const auto mirror = p.start();
  ASSERT_TRUE(wait_until([&] { return p.journal.verified(checkpoint_name(1), Place::project); }));
  mirror->prune({checkpoint_name(1)});
  EXPECT_FALSE(wait_until([&] { return !p.is_mirrored(1); }, 0.3)) << "it was the last one there";
  const auto second = p.save(2);
  mirror->wish(second);
  EXPECT_TRUE(wait_until([&] { return p.is_mirrored(2) && !fs::exists(p.copy / "checkpoints" / checkpoint_name(1)); }));
  CheckpointStore::remove(p.run / "checkpoints" / checkpoint_name(1));
  EXPECT_TRUE(mirror->finish(kLong_s, p.progress).safe());
  EXPECT_TRUE(p.journal.verified_places(checkpoint_name(1)) == std::vector{Place::scratch});
}

TEST(Mirror, ACheckpointThatPolicyRemovesInMidCopyLeavesNothing) {
  Places p;
  p.save(1, 24 << 20);
  std::optional<SlowCopies> slow(std::in_place);
  const auto mirror = p.start();
  ASSERT_TRUE(p.is_in_mid_copy(*mirror, 1));
  p.save(2);
  CheckpointStore::remove(p.run / "checkpoints" / checkpoint_name(1));
  EXPECT_TRUE(mirror->copying(checkpoint_name(1)) || !has_fault_points());
  slow.reset();
  mirror->wish(p.run / "checkpoints" / checkpoint_name(2));
  EXPECT_TRUE(mirror->finish(kLong_s, p.progress).safe());
  EXPECT_TRUE(p.is_mirrored(2));
  for (const auto& entry : fs::directory_iterator(p.copy / "checkpoints")) {
    EXPECT_NE(entry.path().extension(), ".part") << entry.path();
  }
}

TEST(Mirror, GoesOnWhenProjectStorageIsBack) {
  Places p;
  p.save(1);
  const auto mirror = p.start();
  ASSERT_TRUE(wait_until([&] { return p.is_mirrored(1); }));
  testing::internal::CaptureStderr();
  fs::rename(p.project, p.folder / "away");
  mirror->wish(p.save(2));
  EXPECT_FALSE(wait_until([&] { return p.is_mirrored(2); }, 2.5));  // tries at once, after 1 s and after 3 s
  EXPECT_FALSE(fs::exists(p.project)) << "nothing is written where project storage was";
  fs::rename(p.folder / "away", p.project);
  EXPECT_TRUE(wait_until([&] { return p.is_mirrored(2); }));
  EXPECT_TRUE(mirror->finish(kLong_s, p.progress).safe());
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(said.find("takes no copies"), said.rfind("takes no copies")) << said;
  EXPECT_THAT(said, HasSubstr("takes no copies of this run ("));
  EXPECT_THAT(said, HasSubstr(p.project.string()));
  EXPECT_THAT(said, HasSubstr("takes copies again"));
  EXPECT_TRUE(p.all_equal());
}

TEST(Mirror, ComesToTheEndOfAPassHoweverFastCheckpointsComeAndGo) {
  Places p;
  p.save(1);
  const auto mirror = p.start();
  ASSERT_TRUE(wait_until([&] { return p.is_mirrored(1); }));
  log::add_file(p.folder / "log");
  const auto said = [&] { return read_text(p.folder / "log"); };
  fs::rename(p.project, p.folder / "away");
  std::atomic<bool> over{false};
  std::thread saves([&] {  // what a run does that keeps its last two
    for (int step = 2; !over; ++step) {
      mirror->wish(p.save(step, 50000));
      if (step > 3 && !mirror->copying(checkpoint_name(step - 2)))
        CheckpointStore::remove(p.run / "checkpoints" / checkpoint_name(step - 2));
    }
  });
  EXPECT_TRUE(wait_until([&] { return said().find("takes no copies") != std::string::npos; }));
  fs::rename(p.folder / "away", p.project);
  const auto newest = [&] { return mirror->copies().empty() ? std::string() : mirror->copies().front().name; };
  EXPECT_TRUE(wait_until([&] { return newest() != checkpoint_name(1); }));
  const std::string then = newest();
  EXPECT_TRUE(wait_until([&] { return newest() != then; })) << "what is copied is looked at while more comes";
  const auto marked = [&] {
    const auto marker = CheckpointStore(p.copy / "checkpoints").marker("latest");
    return marker ? marker->filename().string() : std::string();
  };
  EXPECT_TRUE(wait_until([&] { return !marked().empty(); })) << "and marked";
  const std::string first_marked = marked();
  EXPECT_TRUE(wait_until([&] { return !marked().empty() && marked() != first_marked; })) << "again";
  over = true;
  saves.join();
  EXPECT_TRUE(mirror->finish(kLong_s, p.progress).safe());
  log::close_file();
  EXPECT_EQ(said().find("takes no copies"), said().rfind("takes no copies")) << said();
  EXPECT_THAT(said(), HasSubstr("takes copies again"));
  for (const auto& entry : fs::directory_iterator(p.copy / "checkpoints")) {
    EXPECT_NE(entry.path().extension(), ".part") << entry.path();
  }
}

TEST(Mirror, SaysAtTheEndWhatIsNotSafeAndDoesNotWaitLongForARefusal) {
  Places p;
  p.save(1);
  const auto mirror = p.start();
  ASSERT_TRUE(wait_until([&] { return p.journal.verified(checkpoint_name(1), Place::project); }));
  fs::rename(p.project, p.folder / "away");
  mirror->wish(p.save(2));
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = mirror->finish(40, p.progress);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_THAT(outcome.open, testing::Contains("checkpoints/" + checkpoint_name(2)));
  EXPECT_THAT(outcome.open, testing::Not(testing::Contains("checkpoints/" + checkpoint_name(1))));
  const std::string line = describe_open(outcome, "r");
  EXPECT_THAT(line, testing::AllOf(HasSubstr("not yet safe"), HasSubstr(checkpoint_name(2)), HasSubstr(p.project.string()),
                                   HasSubstr("dltonic sync push r")));
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Mirror, ABrokenCheckpointIsNamedOnceAndNotCopied) {
  Places p;
  fs::resize_file(p.save(1) / kStateFile, 10);
  const auto rotten = p.save(2);
  {
    std::fstream file(rotten / kStateFile, std::ios::in | std::ios::out);
    file.put('\0');
    file.put('x');
  }
  testing::internal::CaptureStderr();
  const auto mirror = p.start();
  mirror->wish(p.save(3));
  EXPECT_TRUE(mirror->finish(kLong_s, p.progress).safe());
  const std::string said = testing::internal::GetCapturedStderr();
  for (const int step : {1, 2}) {
    EXPECT_FALSE(fs::exists(p.copy / "checkpoints" / checkpoint_name(step)));
    EXPECT_THAT(said, HasSubstr(checkpoint_name(step)));
  }
  EXPECT_TRUE(p.is_mirrored(3));
}

TEST(Mirror, EndsSoonInMidCopyAndTheNextOneGoesOn) {
  Places p;
  p.save(1, 24 << 20);
  {
    const SlowCopies slow;
    const auto mirror = p.start();
    ASSERT_TRUE(p.is_in_mid_copy(*mirror, 1));
  }
  EXPECT_TRUE(!p.is_mirrored(1) || !has_fault_points());
  const auto next = p.start();
  EXPECT_TRUE(next->finish(kLong_s, p.progress).safe());
  EXPECT_TRUE(p.is_mirrored(1));
  EXPECT_TRUE(p.all_equal());
}

TEST(Mirror, ManyThreadsMayWishAndAsk) {
  Places p;
  p.save(1);
  const auto mirror = p.start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        mirror->wish(p.run / "checkpoints" / checkpoint_name(1));
        mirror->prune({checkpoint_name(100 + t)});
        static_cast<void>(mirror->copying(checkpoint_name(1)));
        static_cast<void>(mirror->copies());
        static_cast<void>(p.journal.may_remove(checkpoint_name(1), Place::scratch));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(mirror->finish(kLong_s, p.progress).safe());
  EXPECT_TRUE(p.all_equal());
}
