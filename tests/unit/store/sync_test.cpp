#include "dltonic/store/sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/lock.h"
#include "store/ledger.h"
#include "store/part_file.h"
#include "store/process_id.h"
#include "unit/store/folders.h"

using namespace dltonic;
using namespace dltonic::store;
using namespace dltonic::test;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

template <class Failure>
std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const Failure& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing of that kind was thrown";
  return {};
}

std::vector<std::string> names_below(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Copies and dies after `pieces` pieces, as a killed job does.
void copy_in_a_child_that_dies(const fs::path& from, const fs::path& to, int pieces) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    SyncOptions how;
    how.on_bytes = [&](std::uint64_t) {
      if (--pieces == 0) ::raise(SIGKILL);
    };
    sync_file(from, to, how);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

struct Counter {
  SyncOptions options(SyncOptions how = {}) {
    how.on_bytes = [this](std::uint64_t more) { bytes += more; };
    return how;
  }
  std::uint64_t bytes = 0;
};

}  // namespace

TEST(CopyFile, KeepsContentAndTimesAndLeavesNothingElse) {
  const TemporaryFolder folder;
  const std::string content = noise(9 << 20);
  put(folder / "a/f.bin", content);
  const auto copied = sync_file(folder / "a/f.bin", folder / "b/c/f.bin");
  EXPECT_TRUE(copied.copied);
  EXPECT_EQ(copied.bytes, content.size());
  EXPECT_EQ(copied.checksum, checksum(content));
  EXPECT_EQ(checksum_file(folder / "b/c/f.bin"), checksum(content));
  EXPECT_EQ(fs::last_write_time(folder / "a/f.bin"), fs::last_write_time(folder / "b/c/f.bin"));
  EXPECT_THAT(names_below(folder / "b"), testing::ElementsAre("c/" + std::string(kLedgerFile), "c/f.bin"));
}

TEST(CopyFile, CopiesOnlyWhatChanged) {
  const TemporaryFolder folder;
  put(folder / "a", noise(1000));
  EXPECT_TRUE(sync_file(folder / "a", folder / "b/a").copied);
  EXPECT_FALSE(sync_file(folder / "a", folder / "b/a").copied);
  put(folder / "a", noise(1000, 2));
  EXPECT_TRUE(sync_file(folder / "a", folder / "b/a").copied);
  EXPECT_EQ(read_text(folder / "b/a"), noise(1000, 2));
  std::ofstream(folder / "b/a", std::ios::app) << "more";  // a change of the copy is seen as well
  EXPECT_TRUE(sync_file(folder / "a", folder / "b/a").copied);
  EXPECT_EQ(read_text(folder / "b/a"), noise(1000, 2));
}

TEST(CopyFile, AFileThatOnlyLooksTheSameIsComparedOnce) {
  const TemporaryFolder folder;
  for (const char* name : {"same", "other"}) {
    put(folder / "a" / name, noise(5000));
    put(folder / "b" / name, noise(5000, std::string(name) == "same" ? 1 : 2));
    fs::last_write_time(folder / "b" / name, fs::last_write_time(folder / "a" / name));
  }
  EXPECT_FALSE(sync_file(folder / "a/same", folder / "b/same").copied);
  EXPECT_TRUE(sync_file(folder / "a/other", folder / "b/other").copied);
  EXPECT_EQ(read_text(folder / "b/other"), noise(5000));
  for (const auto& item : plan_sync(folder / "a", folder / "b")) EXPECT_EQ(item.action, SyncAction::keep) << item.path;
}

TEST(CopyFile, ChecksumFindsContentThatRottedUnderAnOldTime) {
  const TemporaryFolder folder;
  put(folder / "a", noise(5000));
  sync_file(folder / "a", folder / "b/a");
  const auto time = fs::last_write_time(folder / "b/a");
  {
    std::fstream file(folder / "b/a", std::ios::in | std::ios::out);
    file.seekp(1234);
    file.put('x');
  }
  fs::last_write_time(folder / "b/a", time);
  EXPECT_FALSE(sync_file(folder / "a", folder / "b/a").copied);
  EXPECT_TRUE(sync_file(folder / "a", folder / "b/a", {.checksum = true}).copied);
  EXPECT_EQ(read_text(folder / "b/a"), noise(5000));
}

TEST(CopyFile, GoesOnWithWhatAKilledJobLeft) {
  const TemporaryFolder folder;
  const std::string content = noise(22 << 20);
  put(folder / "a", content);
  copy_in_a_child_that_dies(folder / "a", folder / "b/a", 4);
  EXPECT_FALSE(fs::exists(folder / "b/a"));
  ASSERT_EQ(stale_parts(folder / "b/a").size(), 1u);
  const auto copied = sync_file(folder / "a", folder / "b/a");
  EXPECT_EQ(copied.resumed, 16u << 20);
  EXPECT_EQ(checksum_file(folder / "b/a"), checksum(content));
  EXPECT_TRUE(stale_parts(folder / "b/a").empty());
  EXPECT_FALSE(fs::exists(part_file(folder / "b/a")));
}

TEST(CopyFile, APartThatIsNotTheBeginningIsNotGoneOnFrom) {
  const TemporaryFolder folder;
  const std::string content = noise(22 << 20);
  put(folder / "a", content);
  copy_in_a_child_that_dies(folder / "a", folder / "b/a", 4);
  {
    std::fstream part(stale_parts(folder / "b/a").at(0), std::ios::in | std::ios::out);
    part.seekp(9 << 20);  // in its third piece
    part.write("damaged", 7);
  }
  EXPECT_EQ(sync_file(folder / "a", folder / "b/a").resumed, 8u << 20);
  EXPECT_EQ(checksum_file(folder / "b/a"), checksum(content));
}

TEST(CopyFile, APartOfALivingProcessIsLeftAlone) {
  const TemporaryFolder folder;
  put(folder / "a", noise(1000));
  const fs::path living = (folder / "b/a.").string() + part_file("x").string().substr(2);  // ours
  const std::string host = part_file("x").string().substr(2, part_file("x").string().rfind('-') - 2);
  const fs::path parents = (folder / "b/a.").string() + host + "-" + std::to_string(::getppid()) + ".part";
  put(parents, "somebody writes this");
  EXPECT_TRUE(sync_file(folder / "a", folder / "b/a").copied);
  EXPECT_EQ(read_text(parents), "somebody writes this");
  EXPECT_FALSE(fs::exists(living));
}

TEST(CopyFile, AStopLeavesAPartAndTheNextGoesOn) {
  const TemporaryFolder folder;
  const std::string content = noise(22 << 20);
  put(folder / "a", content);
  Counter counter;
  SyncOptions how = counter.options();
  how.stop = [&] { return counter.bytes >= (12u << 20); };
  EXPECT_THROW(sync_file(folder / "a", folder / "b/a", how), StopError);
  EXPECT_FALSE(fs::exists(folder / "b/a"));
  EXPECT_TRUE(fs::exists(part_file(folder / "b/a")));
  EXPECT_EQ(sync_file(folder / "a", folder / "b/a").resumed, 12u << 20);
  EXPECT_EQ(checksum_file(folder / "b/a"), checksum(content));
}

TEST(CopyFile, FilesThatGrowAreCopiedAsWholeLines) {
  const TemporaryFolder folder;
  put(folder / "metrics.jsonl", "{\"step\":1}\n{\"step\":2}\n{\"ste");
  EXPECT_TRUE(sync_file(folder / "metrics.jsonl", folder / "b/metrics.jsonl").copied);
  EXPECT_EQ(read_text(folder / "b/metrics.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
  EXPECT_FALSE(sync_file(folder / "metrics.jsonl", folder / "b/metrics.jsonl").copied);
  std::ofstream(folder / "metrics.jsonl", std::ios::app) << "p\":3}\n";
  EXPECT_TRUE(sync_file(folder / "metrics.jsonl", folder / "b/metrics.jsonl").copied);
  EXPECT_EQ(read_text(folder / "b/metrics.jsonl"), read_text(folder / "metrics.jsonl"));
}

TEST(CopyFile, ASourceThatChangesMeanwhileIsRefusedWhereItMustNot) {
  const TemporaryFolder folder;
  put(folder / "a", noise(9 << 20));
  SyncOptions how;
  how.growing = false;
  how.on_bytes = [&](std::uint64_t) { std::ofstream(folder / "a", std::ios::app) << "more"; };
  EXPECT_THAT(message<DataError>([&] { sync_file(folder / "a", folder / "b/a", how); }), HasSubstr("changed while"));
  EXPECT_FALSE(fs::exists(folder / "b/a"));
}

TEST(CopyFile, AFullDestinationIsSaidWithBothNumbersAndLeavesNothing) {
  const TemporaryFolder folder;
  put(folder / "a", noise(3 << 20));
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit limit = before;
  limit.rlim_cur = 1 << 20;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::string text = message<StorageError>([&] { sync_file(folder / "a", folder / "b/a"); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(text, testing::AllOf(HasSubstr("3,145,728"), HasSubstr("1,048,576")));
  EXPECT_TRUE(names_below(folder / "b").empty());
}

TEST(CopyFile, PlacesThatTakeNothingAreNamed) {
  const TemporaryFolder folder;
  put(folder / "a", "content");
  put(folder / "file", "in the way");
  EXPECT_THAT(message<StorageError>([&] { sync_file(folder / "a", folder / "file/below"); }), HasSubstr("file"));
  EXPECT_THAT(message<StorageError>([&] { sync_file(folder / "a", "/proc/dltonic/a"); }), HasSubstr("/proc/dltonic"));
  EXPECT_THAT(message<DataError>([&] { sync_file(folder / "none", folder / "b"); }), HasSubstr("none"));
}

TEST(CopyFile, ADestinationThatVanishesAndComesBack) {
  const TemporaryFolder folder;
  const std::string content = noise(22 << 20);
  put(folder / "a", content);
  make_directories(folder / "b");
  Counter counter;
  SyncOptions how = counter.options();
  const auto count = how.on_bytes;
  how.on_bytes = [&](std::uint64_t more) {
    count(more);
    if (counter.bytes == (12u << 20)) fs::rename(folder / "b", folder / "away");
  };
  EXPECT_THROW(sync_file(folder / "a", folder / "b/a", how), StorageError);
  EXPECT_FALSE(fs::exists(folder / "b/a"));
  fs::remove_all(folder / "b");
  fs::rename(folder / "away", folder / "b");
  EXPECT_GT(sync_file(folder / "a", folder / "b/a").resumed, 0u);
  EXPECT_EQ(checksum_file(folder / "b/a"), checksum(content));
}

TEST(CopyCheckpoint, AppearsWholeAndIsGood) {
  const TemporaryFolder folder;
  const auto from = make_checkpoint(folder / "a/checkpoints", 7, 9 << 20);
  const auto to = folder / "b/checkpoints" / from.filename();
  SyncOptions how;
  how.on_bytes = [&](std::uint64_t) { EXPECT_FALSE(fs::exists(to)); };
  const auto copied = sync_checkpoint(from, to, how);
  EXPECT_TRUE(copied.copied);
  EXPECT_EQ(copied.checksum, checksum_file(from / kStateFile));
  EXPECT_EQ(CheckpointStore::verify(to), "");
  EXPECT_THAT(names_below(to), testing::ElementsAre("manifest.json", "state.h5"));
  EXPECT_FALSE(sync_checkpoint(from, to).copied);
}

TEST(CopyCheckpoint, ABrokenSourceIsNotCopiedAndABrokenCopyIsReplaced) {
  const TemporaryFolder folder;
  const auto good = make_checkpoint(folder / "a/checkpoints", 1), rotten = make_checkpoint(folder / "a/checkpoints", 2),
             cut = make_checkpoint(folder / "a/checkpoints", 3);
  {
    std::fstream file(rotten / kStateFile, std::ios::in | std::ios::out);
    file.seekp(777);
    file.put('x');
  }
  fs::resize_file(cut / kStateFile, 100);
  const fs::path there = folder / "b/checkpoints";
  EXPECT_THAT(message<DataError>([&] { sync_checkpoint(rotten, there / rotten.filename()); }), HasSubstr("checksum"));
  EXPECT_THAT(message<DataError>([&] { sync_checkpoint(cut, there / cut.filename()); }), HasSubstr("100 bytes"));
  EXPECT_FALSE(fs::exists(there / rotten.filename()));
  sync_checkpoint(good, there / good.filename());
  fs::resize_file(there / good.filename() / kStateFile, 100);
  EXPECT_TRUE(sync_checkpoint(good, there / good.filename()).copied);
  EXPECT_EQ(CheckpointStore::verify(there / good.filename()), "");
}

/// As checkpoints of version 1 are: with the sha256 of the state.
void make_first_version(const fs::path& checkpoint) {
  std::string text = read_text(checkpoint / kManifestFile);
  const auto replace = [&](const std::string& what, const std::string& by) {
    ASSERT_NE(text.find(what), std::string::npos);
    text.replace(text.find(what), what.size(), by);
  };
  replace("\"checksum\": \"" + checksum_file(checkpoint / kStateFile), "\"sha256\": \"" + sha256_file(checkpoint / kStateFile));
  replace("\"version\": 2", "\"version\": 1");
  put(checkpoint / kManifestFile, text);
}

TEST(CopyCheckpoint, ThoseOfVersionOneAreReadVerifiedAndCopied) {
  const TemporaryFolder folder;
  const auto from = make_checkpoint(folder / "a/checkpoints", 7, 3 << 20);
  const auto to = folder / "b/checkpoints" / from.filename();
  make_first_version(from);
  EXPECT_EQ(read_manifest(from).state_checksum, "sha256:" + sha256_file(from / kStateFile));
  EXPECT_EQ(CheckpointStore::verify(from), "");
  EXPECT_TRUE(sync_checkpoint(from, to).copied);
  EXPECT_EQ(CheckpointStore::verify(to), "");
  EXPECT_EQ(plan_sync(from, to).at(0).why, "verified");
  EXPECT_EQ(plan_sync(from, to, {.checksum = true}).at(0).why, "verified");
  fs::remove_all(to);
  {
    std::fstream file(from / kStateFile, std::ios::in | std::ios::out);
    file.seekp(777);
    file.put('x');
  }
  EXPECT_THAT(CheckpointStore::verify(from), testing::AllOf(HasSubstr("sha256:"), HasSubstr("expected")));
  EXPECT_THAT(message<DataError>([&] { sync_checkpoint(from, to); }), HasSubstr("is damaged"));
}

TEST(CopyCheckpoint, OneOfALaterVersionIsRefusedByName) {
  const TemporaryFolder folder;
  const auto from = make_checkpoint(folder / "a/checkpoints", 7);
  std::string text = read_text(from / kManifestFile);
  text.replace(text.find("\"version\": 2"), 12, "\"version\": 3");
  put(from / kManifestFile, text);
  EXPECT_THAT(CheckpointStore::verify(from), HasSubstr("version 3, this program reads versions 1 and 2"));
}

TEST(PlanSync, NamesWhatWouldBeDoneInOrder) {
  const TemporaryFolder folder;
  make_checkpoint(folder / "a/checkpoints", 9);
  make_checkpoint(folder / "a/checkpoints", 10);
  const auto broken = make_checkpoint(folder / "a/checkpoints", 11);
  fs::remove(broken / kManifestFile);
  put(folder / "a/checkpoints/latest", checkpoint_name(10) + "\n");
  put(folder / "a/config.yaml", "x: 1\n");
  put(folder / "a/tensorboard/events.out", "123");
  for (const char* half : {"run.lock", "x.node-1.part", "c.tmp.12", "checkpoints/step-1_20261122T220657Z.part/state.h5"})
    put(folder / "a" / half, "half");
  std::vector<std::string> lines;
  for (const auto& item : plan_sync(folder / "a", folder / "b")) {
    lines.push_back(std::string(action_name(item.action)) + " " + item.path.string());
  }
  EXPECT_THAT(lines, testing::ElementsAre("copy config.yaml", "copy tensorboard/events.out",
                                          "skip checkpoints/" + checkpoint_name(11), "copy checkpoints/" + checkpoint_name(10),
                                          "copy checkpoints/" + checkpoint_name(9), "copy checkpoints/latest"));
  EXPECT_FALSE(fs::exists(folder / "b"));
}

TEST(PlanSync, TakesNoCheckpointApartThatIsSavedOrPrunedMeanwhile) {
  const TemporaryFolder folder;
  const fs::path checkpoints = folder / "a/checkpoints";
  for (int step = 1; step <= 20; ++step) make_checkpoint(checkpoints, step, 1000);
  std::atomic<bool> over{false};
  std::thread saves([&] {
    for (int step = 21; !over; ++step) {
      make_checkpoint(checkpoints, step, 1000);
      CheckpointStore::remove(checkpoints / checkpoint_name(step - 20));
    }
  });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < end && !HasFailure()) {
    for (const auto& item : plan_sync(folder / "a", folder / "b"))
      EXPECT_EQ(item.path.parent_path(), "checkpoints") << item.path;
  }
  over = true;
  saves.join();
}

TEST(PlanSync, RemovesOnlyWhenAsked) {
  const TemporaryFolder folder;
  put(folder / "a/kept", "1");
  put(folder / "b/extra", "2");
  make_checkpoint(folder / "b/checkpoints", 3);
  for (const bool wish : {false, true}) {
    SyncOptions how;
    how.remove_extra = wish;
    for (const auto& item : plan_sync(folder / "a", folder / "b", how)) apply_sync(folder / "a", folder / "b", item, how);
    EXPECT_EQ(fs::exists(folder / "b/extra"), !wish);
    EXPECT_EQ(fs::exists(folder / "b/checkpoints" / checkpoint_name(3)), !wish);
  }
  EXPECT_TRUE(fs::exists(folder / "b/kept"));
}

TEST(OrphanParts, GoUnlessSomebodyWillGoOnWithThem) {
  const TemporaryFolder folder;
  make_checkpoint(folder / "a/checkpoints", 2);
  const auto theirs = folder / "b/checkpoints";
  const std::string host = host_name(), dead = "4194305";  // above the largest process id
  const auto part = [&](int step, const std::string& owner) {
    const auto name = theirs / (checkpoint_name(step) + owner + ".part");
    put(name / kStateFile, "half");
    return name;
  };
  const auto removal = part(1, ""), removal_of_what_is_there = part(2, ""), dead_ones = part(1, "." + host + "-" + dead),
             mine = part(1, "." + host + "-" + std::to_string(::getpid()));
  const auto wanted = part(2, "." + host + "-" + dead), living = part(1, "." + host + "-1"), foreign = part(1, ".elsewhere-7");
  remove_orphan_parts(folder / "a", folder / "b");
  for (const auto& gone : {removal, removal_of_what_is_there, dead_ones, mine}) EXPECT_FALSE(fs::exists(gone)) << gone;
  for (const auto& kept : {wanted, living, foreign}) EXPECT_TRUE(fs::exists(kept)) << kept;

  const auto save = part(3, "");
  put(folder / "b" / kRunLockFile,
      R"({"host":"elsewhere","space":"","process":7,"start":"1","since":"now","what":"training"})");
  remove_orphan_parts(folder / "a", folder / "b");
  EXPECT_TRUE(fs::exists(save)) << "of a run that trains there";
  fs::remove(folder / "b" / kRunLockFile);
  const Lock lock(folder / "b" / kRunLockFile, "mirror or pull");
  remove_orphan_parts(folder / "a", folder / "b");
  EXPECT_FALSE(fs::exists(save));

  remove_orphan_parts(folder / "a", folder / "nowhere");
  EXPECT_FALSE(fs::exists(folder / "nowhere"));
}

TEST(Ledger, StaysShortAndForgivesACutLine) {
  const TemporaryFolder folder;
  for (std::uint64_t i = 0; i < 1000; ++i) Ledger(folder.path()).record("metrics.jsonl", {{i, 1}, {i, 2}, "abc"});
  std::ofstream(folder / kLedgerFile, std::ios::app) << "{\"file\":\"x\",\"sou";
  const Ledger ledger(folder.path());
  ASSERT_NE(ledger.find("metrics.jsonl"), nullptr);
  EXPECT_EQ(ledger.find("metrics.jsonl")->source, (Stamp{999, 1}));
  EXPECT_EQ(ledger.find("x"), nullptr);
  EXPECT_LT(fs::file_size(folder / kLedgerFile), 40000u);
}
